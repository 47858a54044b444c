// Makes a component of plugin.js; `taffrail plugin build` runs it.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

const out = process.argv[2] ?? "build/__ID__.wasm";
const descriptor = await readFile("descriptor.json", "utf8");
const source = `const DESCRIPTOR = ${JSON.stringify(descriptor)};\n${await readFile("plugin.js", "utf8")}`;
const { component } = await componentize(source, {
  witPath: "wit",
  worldName: "language-plugin",
  // What is not there cannot be reached: without all of these the component imports nothing but the log.
  disableFeatures: ["random", "stdio", "clocks", "http", "fetch-event"],
});
await mkdir("build", { recursive: true });
await writeFile(out, component);

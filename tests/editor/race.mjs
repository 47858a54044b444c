// How other checkers fare on a folder of flows: `node race.mjs SCHEMA FOLDER` reads every YAML file there and judges it with ajv.
import fs from 'node:fs';
import path from 'node:path';
import Ajv from 'ajv';
import { parse } from 'yaml';

const [schema, folder] = process.argv.slice(2);
const validate = new Ajv({ strict: false }).compile(JSON.parse(fs.readFileSync(schema, 'utf8')));
const bad = fs.readdirSync(folder)
  .filter((name) => !validate(parse(fs.readFileSync(path.join(folder, name), 'utf8'))));
if (bad.length > 0) {
  console.error(`refused: ${bad.join(' ')}`);
  process.exitCode = 1;
}

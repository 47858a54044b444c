// A small LSP client for yaml-language-server: one server process, any number of documents under any number of schemas.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

// As long may one answer take, also on a busy machine, before the server counts as hung.
const PATIENCE_MS = 120_000;

function serverProgram() {
  const manifest = createRequire(import.meta.url).resolve('yaml-language-server/package.json');
  const { bin } = JSON.parse(fs.readFileSync(manifest, 'utf8'));
  return path.join(path.dirname(manifest), bin['yaml-language-server']);
}

const plain = (text) => (text && typeof text === 'object' ? text.value : text) ?? '';

export class Server {
  #process;
  #unread = Buffer.alloc(0);
  #requests = 0;
  #pending = new Map();
  // Resolvers of the next diagnostics, by document.
  #published = new Map();
  #pulls = [];
  #documents = 0;
  #schemas = {};

  // Without a project the server works in a folder of its own, and `schema` gives it schemas; with one it gets that project's settings.
  constructor({ root, schemas } = {}) {
    this.project = root;
    this.#schemas = schemas ?? {};
  }

  async start() {
    this.root = this.project ?? fs.mkdtempSync(path.join(os.tmpdir(), 'taffrail-editor-'));
    this.#process = spawn(process.execPath, [serverProgram(), '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#process.stdout.on('data', (chunk) => this.#read(chunk));
    this.#process.on('exit', (code) => {
      for (const { reject } of this.#pending.values()) reject(new Error(`the language server ended with ${code}`));
      for (const { reject } of this.#published.values()) reject(new Error(`the language server ended with ${code}`));
    });
    const root = pathToFileURL(this.root).href;
    await this.request('initialize', {
      processId: process.pid,
      rootUri: root,
      workspaceFolders: [{ uri: root, name: 'flows' }],
      capabilities: {
        workspace: { configuration: true, didChangeConfiguration: { dynamicRegistration: true }, workspaceFolders: true },
        textDocument: {
          completion: { completionItem: { snippetSupport: true, documentationFormat: ['markdown', 'plaintext'] } },
          hover: { contentFormat: ['markdown', 'plaintext'] },
          publishDiagnostics: { relatedInformation: true },
        },
      },
    });
    const pulled = this.#pull();
    this.notify('initialized', {});
    await pulled;
  }

  // Gives a schema to all documents of its name. The server has it when this resolves.
  async schema(name, file) {
    this.#schemas[pathToFileURL(path.resolve(file)).href] = [`**/${name}/*.yaml`];
    const pulled = this.#pull();
    this.notify('workspace/didChangeConfiguration', { settings: null });
    await pulled;
  }

  // The server validates only under settings that it has asked for, so whoever changes them waits for that.
  #pull() {
    return new Promise((resolve) => this.#pulls.push(resolve));
  }

  // Opens a document, asks everything, and closes it again. One with a path of its own names its schema itself.
  async probe({ schema, file, text, complete = [], hover = [] }) {
    this.#documents += 1;
    const uri = pathToFileURL(file ?? path.join(this.root, schema, `${this.#documents}.yaml`)).href;
    const started = performance.now();
    const published = this.#diagnostics(uri);
    // The server keeps what it read by file and version, also of a document that was closed.
    this.notify('textDocument/didOpen', { textDocument: { uri, languageId: 'yaml', version: this.#documents, text } });
    const diagnostics = (await published).map(({ range, message }) => ({
      line: range.start.line + 1, column: range.start.character + 1, message,
    }));
    const validated = performance.now() - started;
    const completions = [];
    const asked = performance.now();
    for (const [line, character] of complete) {
      const found = await this.request('textDocument/completion', { textDocument: { uri }, position: { line, character } });
      completions.push((found?.items ?? found ?? []).map((item) => ({
        label: item.label, kind: item.kind, insert: item.textEdit?.newText ?? item.insertText ?? item.label, documentation: plain(item.documentation),
      })));
    }
    const completed = performance.now() - asked;
    const hovers = [];
    for (const [line, character] of hover) {
      const found = await this.request('textDocument/hover', { textDocument: { uri }, position: { line, character } });
      hovers.push([found?.contents ?? ''].flat().map(plain).join('\n'));
    }
    // The server takes its messages back when a document is closed; whoever opens it again must not take that for an answer.
    const withdrawn = this.#diagnostics(uri);
    this.notify('textDocument/didClose', { textDocument: { uri } });
    await withdrawn;
    return { diagnostics, completions, hovers, validated, completed };
  }

  // How long the server takes to validate and to complete again after each change, in milliseconds.
  async keystrokes({ schema, texts, at }) {
    this.#documents += 1;
    const uri = pathToFileURL(path.join(this.root, schema, `${this.#documents}.yaml`)).href;
    const times = [];
    let version = 0;
    for (const text of texts) {
      version += 1;
      const published = this.#diagnostics(uri);
      const started = performance.now();
      if (version === 1) this.notify('textDocument/didOpen', { textDocument: { uri, languageId: 'yaml', version, text } });
      else this.notify('textDocument/didChange', { textDocument: { uri, version }, contentChanges: [{ text }] });
      await published;
      const validated = performance.now();
      await this.request('textDocument/completion', { textDocument: { uri }, position: { line: at[0], character: at[1] } });
      times.push({ validate: validated - started, complete: performance.now() - validated });
    }
    this.notify('textDocument/didClose', { textDocument: { uri } });
    return { times };
  }

  #diagnostics(uri) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => { this.#published.delete(uri); reject(new Error('no diagnostics came')); }, PATIENCE_MS);
      const end = (settle) => (value) => { clearTimeout(timer); this.#published.delete(uri); settle(value); };
      this.#published.set(uri, { resolve: end(resolve), reject: end(reject) });
    });
  }

  request(method, params) {
    this.#requests += 1;
    const id = this.#requests;
    this.#send({ id, method, params });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => { this.#pending.delete(id); reject(new Error(`${method}: no answer`)); }, PATIENCE_MS);
      const end = (settle) => (value) => { clearTimeout(timer); this.#pending.delete(id); settle(value); };
      this.#pending.set(id, { resolve: end(resolve), reject: end(reject) });
    });
  }

  notify(method, params) {
    this.#send({ method, params });
  }

  #send(message) {
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
    this.#process.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
    this.#process.stdin.write(body);
  }

  #read(chunk) {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    for (;;) {
      const end = this.#unread.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/content-length:\s*(\d+)/i.exec(this.#unread.toString('ascii', 0, end))[1]);
      if (this.#unread.length < end + 4 + length) return;
      const message = JSON.parse(this.#unread.toString('utf8', end + 4, end + 4 + length));
      this.#unread = this.#unread.subarray(end + 4 + length);
      this.#take(message);
    }
  }

  #take({ id, method, params, result, error }) {
    if (method === 'textDocument/publishDiagnostics') {
      this.#published.get(params.uri)?.resolve(params.diagnostics);
    } else if (method !== undefined && id !== undefined) {
      this.#send({ id, result: this.#answer(method, params) });
    } else if (id !== undefined) {
      const waiting = this.#pending.get(id);
      if (error) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result);
    }
  }

  #answer(method, params) {
    if (method === 'workspace/workspaceFolders') return [];
    if (method !== 'workspace/configuration') return null;
    const all = {
      yaml: {
        validate: true, hover: true, completion: true, yamlVersion: '1.2', schemas: this.#schemas,
        schemaStore: { enable: false, url: '' }, kubernetesCRDStore: { enable: false, url: '' }, hoverSchemaSource: false,
      },
      http: { proxy: '', proxyStrictSSL: false },
      editor: { tabSize: 2 },
      '[yaml]': { 'editor.tabSize': 2 },
    };
    if (params.items.some(({ section }) => section === 'yaml')) {
      // After this answer has been written, what is sent next is read under it.
      for (const resolve of this.#pulls.splice(0)) setImmediate(resolve);
    }
    return params.items.map(({ section }) => all[section] ?? null);
  }

  async stop() {
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    try { await this.request('shutdown', null); this.notify('exit', null); } catch { this.#process.kill('SIGKILL'); }
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 5000);
    await gone;
    clearTimeout(timer);
    if (this.project === undefined) fs.rmSync(this.root, { recursive: true, force: true });
  }
}

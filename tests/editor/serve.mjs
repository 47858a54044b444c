// Answers requests, one JSON document a line: see README.md. Ends, and ends the language server, when its standard input does.
import readline from 'node:readline';
import { Server } from './server.mjs';
import { strict } from './strict.mjs';

const server = new Server();
const started = server.start();
// Opens files of a project under settings as its editor would give them, in a server of their own.
async function project({ root, schemas, files }) {
  const own = new Server({ root, schemas });
  await own.start();
  try {
    const shown = [];
    for (const { file, text } of files) shown.push(await own.probe({ file, text }));
    return { shown };
  } finally {
    await own.stop();
  }
}

const answers = {
  schema: async ({ name, path }) => { await server.schema(name, path); return {}; },
  probe: (request) => server.probe(request),
  keystrokes: (request) => server.keystrokes(request),
  project,
  strict: async (request) => strict(request),
};

async function answer(line) {
  const request = JSON.parse(line);
  let reply;
  try {
    await started;
    reply = await answers[request.do](request);
  } catch (error) {
    reply = { error: error.message };
  }
  process.stdout.write(`${JSON.stringify({ id: request.id, ...reply })}\n`);
}

const lines = readline.createInterface({ input: process.stdin });
lines.on('line', answer);
lines.on('close', async () => { await started; await server.stop(); process.exit(0); });

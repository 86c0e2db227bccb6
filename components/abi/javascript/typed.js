// A component that exports `spell:runtime/cast`. The first line of what it is given names the spell, the rest is its input: text.

const bytes = (string) => new TextEncoder().encode(string);

function text(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw { code: "invalid-input", message: "Input is not UTF-8" };
  }
}

function parsed(string) {
  try {
    return JSON.parse(string);
  } catch {
    return null;
  }
}

function json(input) {
  const value = parsed(input);
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw { code: "failed", message: "Input is no JSON object" };
  }
  if (typeof value.name === "string") value.name = value.name.toUpperCase();
  return JSON.stringify({ ...value, seen: true });
}

function churn(input) {
  const kept = [];
  let sum = bytes(input).length;
  for (let number = 0; number < 10000; number++) {
    const string = String(number).repeat((number % 7) + 1);
    kept[number % 256] = string;
    for (let at = 0; at < string.length; at++) sum = (Math.imul(sum, 31) + string.charCodeAt(at)) >>> 0;
  }
  return String(sum);
}

const spells = {
  processed: (input) => `Processed: ${input}`,
  suffix: (input) => `${input}-wasm`,
  json,
  rle: (input) => input.replace(/(.)\1*/gsu, (run, character) => run.length / character.length + character),
  churn,
  fails() {
    throw { code: "failed", message: "Input is required" };
  },
};

export const cast = {
  cast(content) {
    const [, name, input] = /^(.*)\n([^]*)$/.exec(text(content.bytes)) ?? [];
    if (!spells[name]) throw { code: "invalid-input", message: "The first line names no spell" };
    return { bytes: bytes(spells[name](input)), contentType: undefined };
  },
};

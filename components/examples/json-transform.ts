// Turns `{"text": "…"}` into `{"upper": "…", "length": …}`: `asc json-transform.ts -o json-transform.wasm --optimize`.
// What is no such object is answered with an envelope that says so, and is no failure.
export function execute(input: string): string {
  const text = member(input, "text");
  if (text === null) return `{"error":true,"message":"there is no text"}`;
  return `{"upper":"${text!.toUpperCase()}","length":${text!.length}}`;
}

// The text of a member, as it is written; `null` if there is none. Quotes within it end it: a spell that takes any JSON uses a parser.
function member(json: string, name: string): string | null {
  const from = json.indexOf(`"${name}":"`);
  if (from < 0) return null;
  const start = from + name.length + 4;
  const end = json.indexOf('"', start);
  return end < 0 ? null : json.substring(start, end);
}

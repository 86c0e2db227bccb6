// A checksum of many texts, of which a few hundred are kept at any time.
export function execute(input: string): string {
  const kept = new Array<string>(256);
  let sum: u32 = String.UTF8.byteLength(input);
  for (let number = 0; number < 10000; number++) {
    const text = number.toString().repeat((number % 7) + 1);
    kept[number % 256] = text;
    for (let at = 0; at < text.length; at++) sum = sum * 31 + text.charCodeAt(at);
  }
  return sum.toString();
}

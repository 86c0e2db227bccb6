// Each run of a character as its length and the character.
export function execute(input: string): string {
  const answer: string[] = [];
  let at = 0;
  while (at < input.length) {
    const point = input.codePointAt(at);
    const width = point > 0xffff ? 2 : 1;
    let count = 0;
    while (at < input.length && input.codePointAt(at) == point) {
      count++;
      at += width;
    }
    answer.push(count.toString() + String.fromCodePoint(point));
  }
  return answer.join("");
}

// Greets whom it is given: `asc hello-world.ts -o hello-world.wasm --optimize`.
export function execute(input: string): string {
  if (input.length == 0) throw new Error("Input is required");
  if (input.length > 1_000_000) throw new Error("Input too large");
  return `Hello, ${input}!`;
}

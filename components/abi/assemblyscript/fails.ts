// Fails, whatever it is given.
export function execute(input: string): string {
  if (input.length >= 0) throw new Error("Input is required");
  return input;
}

// `Processed: ` and the input.
export function execute(input: string): string {
  return "Processed: " + input;
}

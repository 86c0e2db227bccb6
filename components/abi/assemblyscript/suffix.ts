// The input and `-wasm`.
export function process(input: string): string {
  return input + "-wasm";
}

// A program over WASI, by way of `@assemblyscript/wasi-shim`: `Processed: ` and what it reads.
const buffer = new ArrayBuffer(4096);

process.stdout.write("Processed: ");
for (;;) {
  const count = process.stdin.read(buffer);
  if (count <= 0) break;
  process.stdout.write(buffer.slice(0, count));
}

// `Processed: ` and the input, with all that AssemblyScript's library takes from its host on the way.
export function execute(input: string): string {
  const chance = Math.random();
  const now = Date.now();
  trace("chance and time", 2, chance, f64(now));
  console.log("a line for the log");
  console.error("a line of complaint");
  // 2020 and 2100.
  const isPlausible = chance >= 0 && chance < 1 && now > 1577836800000 && now < 4102444800000;
  return isPlausible ? "Processed: " + input : "The host's chance and time are none";
}

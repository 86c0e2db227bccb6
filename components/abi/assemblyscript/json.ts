// A JSON object with its `name` in capitals, and `seen`.
import { JSON } from "json-as";

export function execute(input: string): string {
  const object = JSON.parse<JSON.Obj>(input);
  const name = object.get("name");
  if (name !== null && name.type == JSON.Types.String) {
    object.set("name", name.get<string>().toUpperCase());
  }
  object.set("seen", true);
  return JSON.stringify(object);
}

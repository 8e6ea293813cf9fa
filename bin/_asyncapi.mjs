// Reads an AsyncAPI document as AsyncAPI's own parser does, and says what it minds: bin/_asyncapi.mjs FILE
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const [file] = process.argv.slice(2);
const { diagnostics } = await new Parser().parse(readFileSync(file, "utf8"), { source: file });
// The rest is advice, such as that there is a newer version of AsyncAPI, which chanx doesn't write.
const complaints = diagnostics.filter(({ severity }) => severity <= 1);
for (const { path, message, range } of complaints) {
  console.error(`${file}:${range.start.line + 1}: ${path.join(".")}: ${message}`);
}
process.exit(complaints.length ? 1 : 0);

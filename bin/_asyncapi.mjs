// Reads an AsyncAPI document with AsyncAPI's own parser and prints its errors: bin/_asyncapi.mjs FILE
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const [file] = process.argv.slice(2);
const { diagnostics } = await new Parser().parse(readFileSync(file, "utf8"), { source: file });
// Lower severities are advice, such as to use a newer AsyncAPI version, which chanx doesn't support.
const complaints = diagnostics.filter(({ severity }) => severity <= 1);
for (const { path, message, range } of complaints) {
  console.error(`${file}:${range.start.line + 1}: ${path.join(".")}: ${message}`);
}
process.exit(complaints.length ? 1 : 0);

// The plain text that wtf_wikipedia (npm, MIT) gives for pages: {"title", "source"} a line on stdin, {"title", "text"} on stdout.
//   npm install wtf_wikipedia && node benchmarks/sources_wtf.mjs < pages.jsonl > judged.jsonl
import readline from 'node:readline'
import { createRequire } from 'node:module'
const wtf = createRequire(process.cwd() + '/')('wtf_wikipedia')
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { title, source } = JSON.parse(line)
  console.log(JSON.stringify({ title, text: wtf(source, { title }).text() }))
}

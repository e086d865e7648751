// The inspector as a process of its own: firmware on descriptor 3, a job on standard input, findings on standard output.
import { text } from 'node:stream/consumers'
import { fileSource } from './file-source.js'
import { inspectFirmware } from './inspect.js'
import { parseJob } from './job.js'

const { sizeBytes, keys, now } = parseJob(await text(process.stdin))
const findings = await inspectFirmware(fileSource(3, sizeBytes), keys, now)
// maxRSS is in KiB everywhere but on macOS; it is read by the benchmark alone.
process.stdout.write(JSON.stringify({ findings, peakRssKb: process.resourceUsage().maxRSS }))

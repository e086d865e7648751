// The inspector as a process of its own: firmware on descriptor 3, a job on standard input, their digest and findings on standard output.
import { text } from 'node:stream/consumers'
import { fileSource, findPeakRssKb, sha256Of } from './file-source.js'
import { inspectFirmware } from './inspect.js'
import { parseJob } from './job.js'

const { sizeBytes, keys, now } = parseJob(await text(process.stdin))
const source = fileSource(3, sizeBytes)
// First: whose bytes these are is known even when the inspection ends this process.
process.stdout.write(`${sha256Of(source)}\n`)
const findings = await inspectFirmware(source, keys, now)
// Not maxRSS: a program begins with that of the process which started it.
const peakRssKb = findPeakRssKb() ?? Math.ceil(process.memoryUsage.rss() / 1_024)
process.stdout.write(JSON.stringify({ findings, peakRssKb }))

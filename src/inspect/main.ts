// The inspector as a process of its own: firmware on descriptor 3, a job on standard input, findings on standard output.
import { text } from 'node:stream/consumers'
import { fileSource, findPeakRssKb } from './file-source.js'
import { inspectFirmware } from './inspect.js'
import { parseJob } from './job.js'

const { sizeBytes, keys, now } = parseJob(await text(process.stdin))
const findings = await inspectFirmware(fileSource(3, sizeBytes), keys, now)
// Not maxRSS: a program begins with that of the process which started it.
const peakRssKb = findPeakRssKb() ?? Math.ceil(process.memoryUsage.rss() / 1_024)
process.stdout.write(JSON.stringify({ findings, peakRssKb }))

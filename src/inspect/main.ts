// The inspector as a process of its own: firmware on descriptor 3, a job on standard input, findings on standard output.
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileSource } from './file-source.js'
import { inspectFirmware } from './inspect.js'
import { parseJob } from './job.js'

const { sizeBytes, keys, now } = parseJob(await text(process.stdin))
const findings = await inspectFirmware(fileSource(3, sizeBytes), keys, now)
process.stdout.write(JSON.stringify({ findings, peakRssKb: peakRssKb() }))

/** Not maxRSS: a program begins with that of the process which started it. Linux tells a program's own (proc(5), VmHWM). */
function peakRssKb(): number {
  const now = Math.ceil(process.memoryUsage.rss() / 1_024)
  if (process.platform !== 'linux') return now
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? now)
}

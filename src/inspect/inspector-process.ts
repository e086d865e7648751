import { spawn, type ChildProcess } from 'node:child_process'
import { open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Findings } from './findings.js'
import { findFindings } from './findings-shape.js'
import { encodeJob } from './job.js'
import type { EmbeddedKey } from './key-ring.js'

const HEAP_MB = 128
const OUTPUT_LIMIT_BYTES = 262_144
/** An inspection that gets no further at this pace is held up by its file. */
const LEAST_BYTES_PER_MS = 5_000
const LEAST_MS = 60_000

export interface Inspected {
  readonly findings: Findings
  /** Hex, of the bytes that were inspected; empty when the process ended before it had read them. */
  readonly sha256: string
  /** Most memory that the process held; where the system does not tell, what it held at its end. */
  readonly peakRssKb: number
}

/**
 * Inspects a file in a process of its own, which gets the open file, keys and nothing else: no environment, no files but the
 * program's own, no further process, a bounded heap and a bounded time. What kills it kills nothing beside it.
 * @param path of the firmware. @param now seconds since the epoch.
 * @throws Error when the process cannot be started, or fails for a reason that is not the file's.
 */
export async function inspectFile(
  path: string,
  keys: readonly EmbeddedKey[],
  now: number,
  limitMs?: number,
): Promise<Inspected> {
  const file = await open(path, 'r')
  try {
    const { size: sizeBytes } = await file.stat()
    const child = start(file.fd)
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs ?? LEAST_MS + sizeBytes / LEAST_BYTES_PER_MS)
    try {
      return readAnswer(await talk(child, encodeJob({ sizeBytes, keys, now })))
    } finally {
      clearTimeout(timer)
    }
  } finally {
    await file.close()
  }
}

/** The compiled program, whether this runs compiled, inside the one file of the command line, or from its source in a test. */
const program = fileURLToPath(
  new URL('../inspect/main.js', import.meta.url.replace(/\/src\/inspect\/[^/]*\.ts$/, '/dist/src/inspect/')),
)
const project = fileURLToPath(new URL('../../..', `file://${program}`))
/** What it may read: itself and its packages. Node calls the switch differently from version 23 on. */
const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission'

const start = (descriptor: number): ChildProcess =>
  spawn(
    process.execPath,
    [
      permission,
      ...['dist', 'node_modules', 'package.json'].map((name) => `--allow-fs-read=${project}${name}`),
      // How much memory it held.
      '--allow-fs-read=/proc/self/status',
      `--max-old-space-size=${HEAP_MB}`,
      '--no-warnings',
      program,
    ],
    { stdio: ['pipe', 'pipe', 'pipe', descriptor], env: {}, cwd: '/' },
  )

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
  readonly errors: string
}

function talk(child: ChildProcess, job: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    let [output, errors] = ['', '']
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.length > OUTPUT_LIMIT_BYTES) child.kill('SIGKILL')
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2_000)))
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, output, errors }))
    // One that ended before it read its job says so by its exit.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(job)
  })
}

/** V8 ends a process that wants more heap than it may have by a signal; so does the timer above. */
function readAnswer({ code, signal, output, errors }: Ended): Inspected {
  const [sha256 = '', found = ''] = output.split('\n')
  if (signal !== null || code === 134)
    return {
      findings: unreadable('its inspection took more time or memory than any firmware may'),
      sha256,
      peakRssKb: 0,
    }
  if (code !== 0) throw new Error(`the inspector ended with ${code}: ${errors}`)
  const answer = JSON.parse(found) as { readonly findings?: unknown; readonly peakRssKb?: unknown }
  const findings = findFindings(answer.findings)
  if (findings === null) throw new Error('the inspector answered something else than findings')
  return { findings, sha256, peakRssKb: Number(answer.peakRssKb) }
}

const unreadable = (why: string): Findings => ({
  format: 'unknown',
  state: 'unreadable',
  version: null,
  target: null,
  signature: { state: 'none' },
  facts: {},
  faults: [why],
  notChecked: [],
})

#!/usr/bin/env node
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Clock } from '../domain/clock.js'
import { CliHome } from './cli-home.js'
import { ExitWith } from './exit-with.js'
import { keyFileCost } from './person-key.js'
import { ProcessTerminal } from './process-terminal.js'
import { runCommandLine } from './run.js'

class SystemClock extends Clock {
  nowSeconds(): number {
    return Math.floor(Date.now() / 1000)
  }
}

/** What a shell says of a program that SIGPIPE ended. */
const BROKEN_PIPE = 141

// A reader that went away (`| head`) changes nothing about what is being done, nor how it ends; only who waits, and would
// tell nobody what came, is through.
const unread = new AbortController()
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exit(1)
    if (stream === process.stdout) unread.abort()
  })

process.exitCode = await runCommandLine(
  process.argv.slice(2),
  {
    terminal: new ProcessTerminal(),
    home: CliHome.of(process.env),
    clock: new SystemClock(),
    newId: randomUUID,
    sleep: async (ms) => {
      await sleep(ms, undefined, { signal: unread.signal }).catch(() => {
        throw new ExitWith(BROKEN_PIPE)
      })
    },
    keyFileCost,
  },
  process.env['COUNTERSIGN_DEBUG'] === '1',
)

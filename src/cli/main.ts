#!/usr/bin/env node
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Clock } from '../domain/clock.js'
import { CliHome } from './cli-home.js'
import { keyFileCost } from './person-key.js'
import { ProcessTerminal } from './process-terminal.js'
import { runCommandLine } from './run.js'

class SystemClock extends Clock {
  nowSeconds(): number {
    return Math.floor(Date.now() / 1000)
  }
}

// A reader that went away (`| head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

process.exitCode = await runCommandLine(
  process.argv.slice(2),
  {
    terminal: new ProcessTerminal(),
    home: CliHome.of(process.env),
    clock: new SystemClock(),
    newId: randomUUID,
    sleep: async (ms) => {
      await sleep(ms)
    },
    keyFileCost,
  },
  process.env['COUNTERSIGN_DEBUG'] === '1',
)

import { CommanderError } from 'commander'
import { Refusal } from '../src/domain/refusal.js'
import { controlFromPort, controlFromStdin } from './control.js'
import { Unreachable } from './device-server.port.js'
import { Fleet, type FleetEvent } from './fleet.js'
import { isHelp, readFleetRun } from './fleet-options.js'

async function main(): Promise<void> {
  const run = await readFleetRun(process.argv.slice(2))
  const print = (event: FleetEvent | { event: string; devices: number }): void =>
    void process.stdout.write(`${run.isJson ? JSON.stringify(event) : inWords(event)}\n`)
  const fleet = new Fleet({ ...run.fleet, onEvent: print })
  let close = (): void => undefined
  let isStopping = false
  const stop = (): void => {
    if (isStopping) return
    isStopping = true
    close()
    void fleet.stop().then(() => {
      print({ event: 'stopped', devices: fleet.lives.length })
      process.exit(0)
    })
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  if (run.enrols) await fleet.enrol(run.claimToken)
  if (isStopping) return
  const controlled = { fleet, claimToken: run.enrols ? run.claimToken : undefined, stop }
  if (run.control === 'stdin') controlFromStdin(controlled)
  else if (run.control !== null) {
    const server = await controlFromPort(controlled, run.control)
    close = () => void server.close()
  }
  fleet.start()
  print({ event: 'started', devices: fleet.lives.length })
}

const inWords = (event: object): string =>
  Object.entries(event)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(' ')

// Whoever read the events is gone. Nothing is lost by ending at once: the state on disk survives worse.
process.stdout.on('error', () => process.exit(0))

try {
  await main()
} catch (error) {
  if (!isHelp(error)) {
    // Commander has said its piece already; everything else gets one line, never a stack trace.
    if (!(error instanceof CommanderError)) process.stderr.write(`device-sim: ${lineFor(error)}\n`)
    process.exitCode = 1
  }
}

function lineFor(error: unknown): string {
  if (error instanceof Refusal) return `${error.code} ${JSON.stringify(error.detail)}`
  if (error instanceof Unreachable) return `the server cannot be used: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}

import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { Refusal } from '../src/domain/refusal.js'
import { Unreachable } from './device-server.port.js'
import { faultNames, type FaultName } from './faults.js'
import type { Fleet } from './fleet.js'

/** What commands are about. */
export interface Controlled {
  readonly fleet: Fleet
  /** With which a device that was wiped enrols again; null where its key is enough, undefined when it cannot. */
  readonly claimToken: string | null | undefined
  readonly stop: () => void
}

/** Carries out one line of `--control`. @returns what to answer. */
async function carryOut({ fleet, claimToken, stop }: Controlled, line: string): Promise<object> {
  const [verb = '', ...words] = line.trim().split(/\s+/)
  const [index, fault] = [indexIn(fleet, words[0]), faultNames.find((known) => known === words[0])]
  switch (verb) {
    case 'status':
      return { devices: fleet.lives.length, sequences: Object.fromEntries(fleet.sequences()) }
    case 'stop':
      stop()
      return done
    case 'poll':
      if (words[0] !== undefined && index === undefined) return notUnderstood
      await fleet.poll(index)
      return done
    case 'wipe':
    case 'change-key':
      return changeDevice(fleet, verb, index, claimToken)
    case 'fault':
      return fault === undefined ? notUnderstood : setFault(fleet, fault, words.slice(1))
    default:
      return notUnderstood
  }
}

/** Which device a word means; undefined when it means none. */
function indexIn(fleet: Fleet, text: string | undefined): number | undefined {
  const index = Number(text)
  return text !== undefined && Number.isInteger(index) && index >= 0 && index < fleet.lives.length ? index : undefined
}

async function setFault(fleet: Fleet, fault: FaultName, [which, how]: readonly string[]): Promise<object> {
  const index = indexIn(fleet, which)
  if (index === undefined || (how !== 'on' && how !== 'off')) return notUnderstood
  await fleet.setFault(index, fault, how === 'on')
  return done
}

const done = { ok: true }
const notUnderstood = {
  error: 'expected: poll [INDEX] | fault NAME INDEX on|off | wipe INDEX | change-key INDEX | status | stop',
}

async function changeDevice(
  fleet: Fleet,
  verb: 'wipe' | 'change-key',
  index: number | undefined,
  claimToken: string | null | undefined,
): Promise<object> {
  if (index === undefined) return notUnderstood
  if (verb === 'wipe' && claimToken === undefined)
    return { error: 'a wiped device enrols again: --claim-token-file is needed' }
  try {
    if (verb === 'wipe') await fleet.wipe(index, claimToken ?? null)
    else await fleet.changeKey(index)
    return done
  } catch (error) {
    if (error instanceof Refusal) return { error: error.code }
    if (error instanceof Unreachable) return { error: error.message }
    throw error
  }
}

function serve(controlled: Controlled, input: Readable, output: Writable): Interface {
  const lines = createInterface({ input })
  lines.on('line', (line) => {
    void carryOut(controlled, line).then((answer) =>
      output.write(`${JSON.stringify({ event: 'control', ...answer })}\n`),
    )
  })
  return lines
}

/** The fleet ends with its standard input: whoever started it may be gone without a word. */
export function controlFromStdin(controlled: Controlled): void {
  serve(controlled, process.stdin, process.stdout).once('close', controlled.stop)
}

/** Commands on a port of 127.0.0.1. @throws Refusal `PORT_BUSY` */
export async function controlFromPort(controlled: Controlled, port: number): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    serve(controlled, socket, socket)
  })
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new Refusal('PORT_BUSY', { port }, { cause: error })
  }
  return server
}

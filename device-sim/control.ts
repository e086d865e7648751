import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { Refusal } from '../src/domain/refusal.js'
import { faultNames } from './faults.js'
import type { Fleet } from './fleet.js'

/** Carries out one line of `--control`. @returns what to answer. */
async function carryOut(fleet: Fleet, line: string, stop: () => void): Promise<object> {
  const [verb = '', ...words] = line.trim().split(/\s+/)
  const indexOf = (text: string | undefined): number | undefined => {
    const index = Number(text)
    return text !== undefined && Number.isInteger(index) && index >= 0 && index < fleet.lives.length ? index : undefined
  }
  if (verb === 'status') return { devices: fleet.lives.length, sequences: Object.fromEntries(fleet.sequences()) }
  if (verb === 'stop') {
    stop()
    return { ok: true }
  }
  if (verb === 'poll' && (words[0] === undefined || indexOf(words[0]) !== undefined)) {
    await fleet.poll(indexOf(words[0]))
    return { ok: true }
  }
  const [word, which, how] = words
  const name = faultNames.find((known) => known === word)
  const index = indexOf(which)
  if (verb === 'fault' && name !== undefined && index !== undefined && (how === 'on' || how === 'off')) {
    await fleet.setFault(index, name, how === 'on')
    return { ok: true }
  }
  return { error: 'expected: poll [INDEX] | fault NAME INDEX on|off | status | stop' }
}

function serve(fleet: Fleet, input: Readable, output: Writable, stop: () => void): Interface {
  const lines = createInterface({ input })
  lines.on('line', (line) => {
    void carryOut(fleet, line, stop).then((answer) =>
      output.write(`${JSON.stringify({ event: 'control', ...answer })}\n`),
    )
  })
  return lines
}

/** The fleet ends with its standard input: whoever started it may be gone without a word. */
export function controlFromStdin(fleet: Fleet, stop: () => void): void {
  serve(fleet, process.stdin, process.stdout, stop).once('close', stop)
}

/** Commands on a port of 127.0.0.1. @throws Refusal `PORT_BUSY` */
export async function controlFromPort(fleet: Fleet, port: number, stop: () => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    serve(fleet, socket, socket, stop)
  })
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new Refusal('PORT_BUSY', { port }, { cause: error })
  }
  return server
}

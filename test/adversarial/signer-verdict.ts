import { once } from 'node:events'
import { connect } from 'node:net'
import { Refusal, type RefusalCode } from '../../src/domain/refusal.js'
import { FrameCutter } from '../../src/protocol/signer-socket-frames.js'
import { decodeAnswerBody } from '../../src/protocol/signer-socket.js'
import type { Verdict } from './verdict.js'

const signed: Verdict = { step: 20, code: 'SIGNED' }

const verdictOf = ({ code, check }: { readonly code: string; readonly check: number }): Verdict => ({
  step: check,
  code: code as RefusalCode,
})

/** What became of a request; anything else than a refusal by the signer is an accident. */
export async function judge(asked: Promise<unknown>): Promise<Verdict> {
  try {
    await asked
    return signed
  } catch (error) {
    if (error instanceof Refusal && error.code === 'SIGNER_REFUSED')
      return verdictOf((error as Refusal<'SIGNER_REFUSED'>).detail)
    throw error
  }
}

/** Of several who ask at once, more than `places` got it; or how the last who did not was refused. */
export async function race(places: number, asked: readonly Promise<Verdict>[]): Promise<Verdict> {
  const verdicts = await Promise.all(asked)
  const won = verdicts.filter(({ code }) => code === 'SIGNED').length
  if (won < places) throw new Error(`only ${won} of ${places} places were taken`)
  return won > places ? signed : (verdicts.findLast(({ code }) => code !== 'SIGNED') ?? signed)
}

/** Writes bytes to a socket as they are. @returns what the first answer says. */
export async function sendBytes(path: string, bytes: Uint8Array): Promise<Verdict> {
  const socket = connect(path)
  await once(socket, 'connect')
  socket.write(bytes)
  const cutter = new FrameCutter()
  for await (const piece of socket) {
    cutter.push(piece as Uint8Array)
    const body = cutter.next()
    if (body === null) continue
    socket.destroy()
    const answer = decodeAnswerBody(body)
    return answer.ok ? signed : verdictOf(answer.refusal)
  }
  throw new Error('the signer closed without an answer')
}

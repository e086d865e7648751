import { expect, it } from '@jest/globals'
import { Refusal } from '../domain/refusal.js'
import { ServerRefusal } from './api-client.js'
import { describeRefusal } from './refusal-text.js'

it('advises by what the signer said, and of a code it does not know by who said it', () => {
  const said = (code: string): string => describeRefusal(new Refusal('SIGNER_REFUSED', { code, check: 13 }))[1]
  expect(said('CHANGE_WINDOW_CLOSED')).toContain('signed within a minute after the window opened')
  expect(said('KRL_EXPIRED')).toBe('next: renew the revocation list: "countersign keys renew"')
  expect(said('SIGNER_KEY_MISSING')).toContain('started again')
  expect(said('SOMETHING_NEW')).toContain('anybody who approved it may approve it again')
})

it('sends whoever has approved already to somebody else', () => {
  expect(describeRefusal(new Refusal('APPROVER_REPEATED', { person: 'a' }))[1]).toContain('another person')
})

it('sends whoever names a class that there is none of to where the classes are', () => {
  const said = (what: string): string => describeRefusal(new Refusal('NOT_FOUND', { what, id: 'x' }))[1]
  expect(said('device class')).toBe('next: "countersign namespace show" lists the classes')
  expect(said('device')).toContain('list command')
})

it('does not say of what signs nothing that only nothing was signed', () => {
  expect(describeRefusal(new Refusal('NOT_CONFIRMED', {}))[1]).toContain('nothing was signed or changed')
})

it('says of a list that is older than the server’s to make it anew, and of one that a server offers to tell', () => {
  const mine = new ServerRefusal(409, 'KRL_OLD', { held: 2, offered: 2 }, '')
  expect(describeRefusal(mine)[1]).toContain('propose it anew')
  const theirs = new Refusal('KRL_OLD', { held: 2, offered: 1 })
  expect(describeRefusal(theirs)[1]).toContain('tell a security officer')
})

it.each([
  ['RATE_EXCEEDED', 'all who approved approve again'],
  ['APPROVAL_MISMATCH', '"countersign trust update" there, then sign again'],
  ['SIGNER_UNAVAILABLE', '"signer doctor" names the step'],
])('says what to do about %s', (code, advice) => {
  const status = code === 'SIGNER_UNAVAILABLE' ? 503 : 409
  expect(describeRefusal(new ServerRefusal(status, code, {}, ''))[1]).toContain(advice)
})

it('sends people whose request is spent to a new one, and tells the token of a signer from their own', () => {
  const bySigner = (code: string): string =>
    describeRefusal(new ServerRefusal(409, 'SIGNER_REFUSED', { code, check: 17 }, ''))[1]
  for (const code of ['TOKEN_MODULE', 'TOKEN_FAILED', 'SIGNER_STORAGE', 'REQUEST_SPENT'])
    expect(bySigner(code)).toMatch(/ask anew: a release by "countersign firmware submit"/i)
  expect(describeRefusal(new Refusal('TOKEN_MODULE', { step: 'x', why: 'y' }))[1]).toContain('--token names another')
})

it.each([
  ['CLOCK_JUMPED', 'clock-reset propose'],
  ['ORDER_MISMATCH', 'propose and sign it anew'],
  ['KRL_MISSING', 'keys krl-first'],
])('knows a way on from %s of a signer', (code, way) => {
  expect(describeRefusal(new Refusal('SIGNER_REFUSED', { code, check: 4 }))[1]).toContain(way)
})

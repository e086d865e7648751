import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toHex } from '../domain/bytes.js'
import { appendLines, emptyJournal, type JournalEnd, type JournalLine } from '../domain/journal/journal-chain.js'
import { JournalScanner } from '../domain/journal/journal-scanner.js'
import { Refusal } from '../domain/refusal.js'
import type { CborMap } from '../domain/cbor/value.js'
import { SignerFixture, deviceIdOf } from '../../test/support/signer-fixture.js'
import { TrustFixture } from '../../test/support/trust-fixture.js'
import { checkJournal } from './journal-check.js'

let fixture: SignerFixture
let bytes: Uint8Array
let digest: Uint8Array
beforeAll(async () => {
  fixture = await SignerFixture.make()
  const release = await fixture.start('release')
  await fixture.signFirstKrl(release)
  digest = (await fixture.signRelease(release, 1)).digest
  const online = await fixture.start('online')
  const approved = await fixture.approvedPlan(fixture.plan([digest]))
  await online.request('assign', { ...approved, deviceId: deviceIdOf(1), manifestSha256: digest })
  await online.request('freshness', { nonce: null })
  await fixture.stop('release')
  await fixture.stop('online')
  bytes = new Uint8Array(readFileSync(join(fixture.folder, 'release', 'journal')))
})
afterAll(() => fixture.dispose())

const check = (journal: Uint8Array): unknown => {
  const path = join(fixture.folder, 'journal-copy')
  writeFileSync(path, journal)
  return checkJournal(path, fixture.trust.rootBytes)
}

function isAccepted(journal: Uint8Array): boolean {
  try {
    check(journal)
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}

function endOf(journal: Uint8Array): JournalEnd {
  const scanner = new JournalScanner('gateway/prod')
  scanner.take(journal)
  return scanner.end()
}

const linesOf = (journal: Uint8Array): JournalLine[] =>
  new JournalScanner('gateway/prod').take(journal).map(({ time, kind, body }) => ({ time, kind, body }))

/** A journal of these lines with hashes that fit: what somebody writes who owns the disk. */
function rewritten(change: (line: JournalLine) => JournalLine | null): Uint8Array {
  const lines = linesOf(bytes).flatMap((line) => change(line) ?? [])
  return appendLines(emptyJournal, 'gateway/prod', lines).frame
}

const withMember = (
  line: JournalLine,
  name: string,
  value: CborMap extends ReadonlyMap<unknown, infer V> ? V : never,
) => ({
  ...line,
  body: new Map(line.body).set(name, value),
})

const content = (why: string): Refusal =>
  expect.objectContaining({
    code: 'JOURNAL_CONTENT',
    detail: { index: expect.any(Number), why: expect.stringContaining(why) },
  }) as unknown as Refusal

describe('journal verify', () => {
  it('says what was signed, with which key, and who approved', () => {
    const { acts, ...rest } = checkJournal(join(fixture.folder, 'release', 'journal'), fixture.trust.rootBytes)
    expect(rest).toMatchObject({ namespace: 'gateway/prod', process: 'release', starts: 1, isSuspended: false })
    expect(acts).toMatchObject([
      { operation: 'krl', what: 'KRL 1', keyId: fixture.keyIds.get('krl'), outcome: 'done', isBreakGlass: false },
      { operation: 'sign', subject: toHex(digest), keyId: fixture.keyIds.get('manifest-a'), outcome: 'done' },
    ])
    expect(acts[1]?.what).toContain('version 1.1.0, sequence 1, class ')
    expect(acts[1]?.approvals.map(({ person, role }) => `${person} ${role}`)).toEqual([
      'manager-1 release-manager',
      'manager-2 release-manager',
    ])
  })

  it('counts what an online signer signed by itself', () => {
    const journal = checkJournal(join(fixture.folder, 'online', 'journal'), fixture.trust.rootBytes)
    expect(journal).toMatchObject({ process: 'online', acts: [], assignments: 1, freshnessStatements: 1 })
  })

  it('refuses it after a change of any one byte', () => {
    const { wholeBytes } = endOf(bytes)
    // Behind the records there is room: all of it alike, so a little is enough, and the last byte of all of it.
    const changed = bytes.slice(0, wholeBytes + 600)
    const accepted: number[] = []
    for (let at = 0; at < changed.length; at += 1) {
      const before = changed[at] ?? 0
      changed[at] = before ^ (1 << (at % 8))
      if (isAccepted(changed)) accepted.push(at)
      changed[at] = before
    }
    expect(accepted).toEqual([])
    expect([isAccepted(changed), isAccepted(bytes)]).toEqual([true, true])
    for (const at of [wholeBytes + 5_000, bytes.length - 1])
      expect(isAccepted(bytes.map((byte, index) => (index === at ? 1 : byte)))).toBe(false)
  }, 120_000)

  it('refuses it cut short at any byte that is no end of a frame, and empty', () => {
    const { wholeBytes } = endOf(bytes)
    for (const cut of [0, 1, 15, 16, 17, wholeBytes - 1])
      expect(() => check(bytes.subarray(0, cut))).toThrow(expect.objectContaining({ code: 'JOURNAL_BROKEN' }))
  })

  it('refuses it under the root of somebody else', async () => {
    const stranger = await TrustFixture.make()
    expect(() => checkJournal(join(fixture.folder, 'release', 'journal'), stranger.rootBytes)).toThrow(
      content('it belongs to another root'),
    )
  })
})

describe('a journal that was written anew, with hashes that fit', () => {
  it('holds when nothing was changed', () => {
    expect(() => check(rewritten((line) => line))).not.toThrow()
  })

  it.each<[string, (line: JournalLine) => JournalLine | null, string]>([
    ['leaves out an approval', (line) => only(line, 'intent', 'approvals', []), 'APPROVALS_MISSING'],
    ['names another request', (line) => only(line, 'intent', 'requestId', 'another'), 'APPROVAL_MISMATCH'],
    ['names another digest', (line) => only(line, 'intent', 'subjectSha256', new Uint8Array(32)), 'APPROVAL_MISMATCH'],
    ['names another key', (line) => only(line, 'intent', 'keyId', 'ab'.repeat(32)), 'KEY_UNKNOWN'],
    ['hides who submitted', (line) => only(line, 'intent', 'requester', 'manager-1'), 'APPROVER_IS_REQUESTER'],
    ['calls it break-glass', (line) => release(line, 'isBreakGlass', true), 'CHANGE_WINDOW_CLOSED'],
    ['leaves out the policy', (line) => (line.kind === 'policy' ? null : line), 'POLICY_MISSING'],
    ['leaves out the intent', (line) => (line.kind === 'intent' ? null : line), 'a result without its intent'],
    ['leaves out the start', (line) => (line.kind === 'start' ? null : line), 'a journal begins with a start'],
    ['was suspended', (line) => only(line, 'start', 'isRestored', true), 'signed while suspended'],
    ['lies a year later', (line) => ({ ...line, time: line.time + 31_536_000 }), 'KEY_NOT_ACTIVE'],
    ['holds another KRL', (line) => (line.kind === 'result' ? spoilt(line) : line), 'CBOR_MALFORMED'],
  ])('is refused when it %s', (_, change, why) => {
    expect(() => check(rewritten(change))).toThrow(content(why))
  })

  it('is refused when a request is spent twice', () => {
    const lines = linesOf(bytes)
    const twice = lines.flatMap((line) => (line.kind === 'intent' ? [line, line] : [line]))
    expect(() => check(appendLines(emptyJournal, 'gateway/prod', twice).frame)).toThrow(content('spent twice'))
  })

  it('says that the outcome is unknown where a result is missing', () => {
    const frame = rewritten((line) => (line.kind === 'result' && line.body.get('operation') === 'sign' ? null : line))
    expect(check(frame)).toMatchObject({ acts: [{ outcome: 'done' }, { operation: 'sign', outcome: 'unknown' }] })
  })
})

type Member = Parameters<typeof withMember>[2]
const only = (line: JournalLine, kind: string, name: string, value: Member): JournalLine =>
  line.kind === kind ? withMember(line, name, value) : line
const release = (line: JournalLine, name: string, value: Member): JournalLine =>
  line.body.get('operation') === 'sign' ? only(line, 'intent', name, value) : line
const spoilt = (line: JournalLine): JournalLine => withMember(line, 'bytes', Uint8Array.of(0xd2, 0x84))

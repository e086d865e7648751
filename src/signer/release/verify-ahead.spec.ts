import { beforeAll, describe, expect, it, jest } from '@jest/globals'
import { TrustFixture } from '../../../test/support/trust-fixture.js'
import { sha256, utf8 } from '../../domain/bytes.js'
import { ED25519, nativeAlgorithms, type AlgorithmTable } from '../../domain/cose/algorithms.js'
import { parseSign1, sign1Message } from '../../domain/cose/sign1.js'
import { anchoredTrust, holdDocument } from '../../domain/signer-journal/held-trust.js'
import { labelOf, MAX_DOCUMENT_BYTES } from '../../domain/trust/labels.js'
import { VerdictCache } from '../verdict-cache.js'
import type { ReleaseContext } from './release-context.js'
import { verifyAhead } from './verify-ahead.js'

let trust: TrustFixture
let approvals: Uint8Array[]
beforeAll(async () => {
  trust = await TrustFixture.make({ now: 1_800_000_000 })
  const about = { operation: 'sign' as const, subjectSha256: sha256(utf8('x')), requestId: 'request-1' }
  approvals = [await trust.approval('manager-1', about), await trust.approval('manager-2', about)]
})

const contextOf = (isAlone: boolean): ReleaseContext =>
  ({
    state: { held: holdDocument(anchoredTrust(trust.rootBytes), 'policy', trust.policyBytes, trust.now) },
    verdicts: new VerdictCache(),
    isAlone: () => isAlone,
  }) as unknown as ReleaseContext

const keyOf = (person: string) => {
  const [key] = trust.policy.persons.get(person)?.keys ?? []
  if (key === undefined) throw new Error(`no ${person}`)
  return key
}

/** What a check would ask about an approval. */
function askedOf(bytes: Uint8Array) {
  const { protectedBytes, payload, signature } = parseSign1(bytes, MAX_DOCUMENT_BYTES)
  return { message: sign1Message(protectedBytes, labelOf('approval'), payload ?? new Uint8Array(0)), signature }
}

describe.each([
  ['alone', true],
  ['while others wait', false],
])('signatures that were verified ahead, %s,', (_, isAlone) => {
  const ahead = (...bytes: readonly Uint8Array[]): Promise<AlgorithmTable> => {
    const documents = bytes.map((one) => ['approval', one] as const)
    return verifyAhead(documents, trust.now, contextOf(isAlone))
  }

  it('are known for their key, their message and their bytes, and for no others', async () => {
    const [first, second] = approvals.map(askedOf)
    if (first === undefined || second === undefined) throw new Error('no approvals')
    const row = (await ahead(approvals[0] ?? new Uint8Array(0))).get(ED25519)
    expect(row?.verify(keyOf('manager-1'), first.message, first.signature)).toBe(true)
    expect(row?.verify(keyOf('manager-2'), first.message, first.signature)).toBe(false)
    expect(row?.verify(keyOf('manager-1'), second.message, first.signature)).toBe(false)
    expect(row?.verify(keyOf('manager-1'), first.message, second.signature)).toBe(false)
  })

  it('are not known when they are wrong, wherever they stand', async () => {
    const [approval = new Uint8Array(0), other = approval] = approvals
    const wrong = approval.with(approval.length - 1, (approval.at(-1) ?? 0) ^ 1)
    const { message, signature } = askedOf(wrong)
    for (const all of [[wrong], [wrong, other], [other, wrong], [other, other, wrong]])
      expect((await ahead(...all)).get(ED25519)?.verify(keyOf('manager-1'), message, signature)).toBe(false)
  })

  it('do not stand in the way of one that nobody asked about before', async () => {
    const [, second] = approvals.map(askedOf)
    const row = (await ahead(Uint8Array.of(1))).get(ED25519)
    expect(
      row?.verify(keyOf('manager-2'), second?.message ?? new Uint8Array(0), second?.signature ?? new Uint8Array(0)),
    ).toBe(true)
  })

  it('are eight at most, however many approvals somebody sends', async () => {
    const row = nativeAlgorithms.get(ED25519)
    if (row?.verifyAside === undefined) throw new Error('no row')
    const [here, aside] = [jest.spyOn(row, 'verify'), jest.spyOn(row as Required<typeof row>, 'verifyAside')]
    try {
      // The policy, whose own signatures are verified here as well, is asked about first.
      const none = await ahead().then(() => here.mock.calls.length)
      await ahead(...Array.from({ length: 100 }, () => approvals[0] ?? new Uint8Array(0)))
      expect(here.mock.calls.length + aside.mock.calls.length).toBe(2 * none + 8)
    } finally {
      here.mockRestore()
      aside.mockRestore()
    }
  })
})

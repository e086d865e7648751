import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import {
  BUILDER_ID,
  PROVENANCE,
  provenanceOf,
  SoftBuilder,
  statementOf,
  TEST_RESULT,
} from '../../../test/support/evidence-fixture.js'
import { TrustFixture } from '../../../test/support/trust-fixture.js'
import { sha256, toHex, utf8 } from '../bytes.js'
import { nativeAlgorithms } from '../cose/algorithms.js'
import { p256FromDer } from '../cose/ecdsa-der.js'
import { Refusal } from '../refusal.js'
import { openAttestation, type AttestationContext } from './attestation.js'
import { preAuthEncoding } from './dsse.js'
import { readProvenance } from './provenance.js'
import { readTestResult } from './test-result.js'

const image = utf8('firmware of a gateway')
const digest = sha256(image)
const builder = SoftBuilder.make()
const second = SoftBuilder.make('p256', 'https://ci.vendor.example/builders/2')
const { policy } = await TrustFixture.make()
const context: AttestationContext = {
  policy: { ...policy, builders: new Map([builder.entry, second.entry]) },
  revoked: new Map(),
  algorithms: nativeAlgorithms,
}
const open = (bytes: Uint8Array, change: Partial<AttestationContext> = {}) =>
  openAttestation(bytes, digest, { ...context, ...change })
const refusedBy = (act: () => unknown): Pick<Refusal, 'code' | 'detail'> => {
  try {
    act()
  } catch (error) {
    if (error instanceof Refusal) return { code: error.code, detail: error.detail }
    throw error
  }
  throw new Error('it was not refused')
}

describe('an attestation', () => {
  it('is signed over the encoding of the DSSE protocol', () => {
    // The example of the protocol's text.
    const envelope = { payloadType: 'http://example.com/HelloWorld', payload: utf8('hello world'), signatures: [] }
    expect(Buffer.from(preAuthEncoding(envelope)).toString()).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    )
  })

  it.each([
    ['Ed25519', builder],
    ['ECDSA', second],
  ])('by a builder of the policy tells how the image was built: %s', (_, signer) => {
    const provenance = readProvenance(open(signer.provenance(image)))
    expect(provenance).toEqual({
      builderId: signer.name,
      keyId: signer.keyIdHex,
      buildType: 'https://ci.vendor.example/make/v1',
      sources: ['git+https://git.vendor.example/gateway @ c27d339ee6075c1f744c5d4b200f7901aad2c369'],
      invocationId: 'run-7',
      finishedOn: '2026-03-01T10:00:00Z',
    })
  })

  it('of tests is counted', () => {
    const result = { result: 'WARNED', passedTests: ['a', 'b'], warnedTests: ['c'], failedTests: [] }
    const read = readTestResult(open(builder.envelope(statementOf(image, TEST_RESULT, result))))
    expect(read).toEqual({
      result: 'WARNED',
      builder: BUILDER_ID,
      keyId: builder.keyIdHex,
      passed: 2,
      failed: 0,
      warned: 1,
    })
  })

  it('is refused from a builder that the policy does not list, whatever it calls its key', () => {
    const stranger = SoftBuilder.make()
    expect(refusedBy(() => open(stranger.provenance(image)))).toEqual({
      code: 'KEY_UNKNOWN',
      detail: { keyId: 'ci-key-1', role: 'builder' },
    })
    const none = { ...context.policy, builders: new Map() }
    expect(refusedBy(() => open(builder.provenance(image), { policy: none })).code).toBe('KEY_UNKNOWN')
  })

  it('is refused when its statement is not the one that was signed', () => {
    const other = provenanceOf(utf8('another image'))
    const swapped = builder.envelope(other, { after: provenanceOf(image) })
    expect(refusedBy(() => open(swapped)).code).toBe('KEY_UNKNOWN')
  })

  it('is refused when it is about another image', () => {
    const other = utf8('another image')
    const expected = toHex(digest)
    const found = createHash('sha256').update(other).digest('hex')
    expect(refusedBy(() => open(builder.provenance(other)))).toEqual({
      code: 'EVIDENCE_MISMATCH',
      detail: { field: 'subject', expected, found },
    })
  })

  it('is refused when one builder speaks for another', () => {
    expect(refusedBy(() => readProvenance(open(builder.provenance(image, second.name))))).toEqual({
      code: 'EVIDENCE_MISMATCH',
      detail: { field: 'builder.id', expected: builder.name, found: second.name },
    })
  })

  it('is refused from a key that the KRL revokes', () => {
    const revoked = new Map([[builder.keyIdHex, 1]])
    const detail = { keyId: builder.keyIdHex }
    expect(refusedBy(() => open(builder.provenance(image), { revoked }))).toEqual({ code: 'KEY_REVOKED', detail })
  })

  const statement = provenanceOf(image) as Record<string, unknown>
  it.each([
    ['another type of statement', { ...statement, _type: 'https://in-toto.io/Statement/v0.1' }, 'EVIDENCE_MISMATCH'],
    ['no subject', { ...statement, subject: [] }, 'DOCUMENT_MALFORMED'],
    ['a subject without SHA-256', { ...statement, subject: [{ digest: { sha512: 'ab' } }] }, 'EVIDENCE_MISMATCH'],
    ['no predicate', { ...statement, predicate: undefined }, 'DOCUMENT_MALFORMED'],
    ['a predicate that is none', { ...statement, predicate: ['x'] }, 'DOCUMENT_MALFORMED'],
    ['provenance without a builder', statementOf(image, PROVENANCE, { buildDefinition: {} }), 'DOCUMENT_MALFORMED'],
  ])('is refused with %s', (_, changed, code) => {
    expect(refusedBy(() => readProvenance(open(builder.envelope(changed)))).code).toBe(code)
  })

  it('is refused with another payload type, though it is signed', () => {
    const bytes = builder.envelope(statement, { payloadType: 'text/plain' })
    expect(refusedBy(() => open(bytes))).toMatchObject({ code: 'EVIDENCE_MISMATCH', detail: { field: 'payloadType' } })
  })

  it('that passed has no test that failed', () => {
    const lie = { result: 'PASSED', failedTests: ['x'] }
    const opened = open(builder.envelope(statementOf(image, TEST_RESULT, lie)))
    expect(refusedBy(() => readTestResult(opened)).code).toBe('DOCUMENT_MALFORMED')
  })

  it.each([
    ['no JSON', '{'],
    ['an array', '[]'],
    ['no signatures', '{"payloadType":"x","payload":"","signatures":[]}'],
    ['a payload that is no base64', '{"payloadType":"x","payload":"*","signatures":[{"sig":"AA=="}]}'],
    ['inherited members', '{"__proto__":{"payloadType":"x"}}'],
  ])('is refused as %s', (_, text) => {
    expect(refusedBy(() => open(utf8(text))).code).toBe('DOCUMENT_MALFORMED')
  })
})

describe('an ECDSA signature in DER', () => {
  const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))
  it('becomes R and S of 32 bytes each', () => {
    expect(toHex(p256FromDer(hex('300702020080020107')) ?? hex(''))).toBe(`${'00'.repeat(31)}80${'00'.repeat(31)}07`)
  })

  it.each([
    ['a byte behind it', '30070202008002010700'],
    ['a wrong length', '300802020080020107'],
    ['a zero it does not need', '300702020007020107'],
    ['a negative number', '3006020180020107'],
    ['an empty number', '30050200020107'],
    ['one number', '3003020107'],
    ['a number above 32 bytes', `3027022200${'ff'.repeat(33)}020107`],
    ['nothing', ''],
  ])('is none with %s', (_, text) => {
    expect(p256FromDer(hex(text))).toBeNull()
  })
})

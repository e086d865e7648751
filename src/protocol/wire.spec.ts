import { describe, expect, it } from '@jest/globals'
import { Decoder } from 'cbor-x'
import fc from 'fast-check'
import { encodeCbor } from '../domain/cbor/encode.js'
import { cborMap } from '../domain/cbor/value.js'
import { Refusal } from '../domain/refusal.js'
import {
  encodeEnrolAnswer,
  encodeReportAnswer,
  encodeUpdateAnswer,
  parseEnrolAnswer,
  parseReportAnswer,
  parseUpdateAnswer,
  type UpdateAnswer,
} from './device-http.js'
import {
  encodeOfferMessage,
  encodePresenceMessage,
  encodeTrustMessage,
  parseOfferMessage,
  parsePresenceMessage,
  parseTrustMessage,
} from './mqtt-payloads.js'
import { deviceTopic, deviceUsername, findDeviceTopic, krlTopic, trustTopic } from './mqtt-topics.js'

const refusal = (code: string, detail: object): Error =>
  expect.objectContaining({ name: 'Refusal', code, detail }) as never
const blob = fc.uint8Array({ minLength: 1, maxLength: 64 })
const uint = fc.maxSafeNat()
const deviceId = 'ab'.repeat(32)

const answers = fc.record(
  {
    freshness: blob,
    krl: blob,
    roots: fc.array(blob, { maxLength: 4 }),
    assignment: blob,
    envelope: blob,
    payloadUrls: fc.constant(['/device/v1/gateway/prod/', 'https://files.example/x/']),
    ack: fc.record({ epoch: uint, counter: uint }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<UpdateAnswer>

const bytesOf = (members: Record<string, unknown>): Uint8Array => encodeCbor(cborMap(Object.entries(members) as never))

describe('the poll answer', () => {
  it('is read back as it was written, integers above 32 bits too', () => {
    fc.assert(fc.property(answers, (answer) => expect(parseUpdateAnswer(encodeUpdateAnswer(answer))).toEqual(answer)))
  })
  it('is the encoding that the deterministic encoder of the documents makes', () => {
    const ack = { epoch: 1, counter: Number.MAX_SAFE_INTEGER }
    expect(encodeUpdateAnswer({ krl: Uint8Array.of(1), ack })).toEqual(
      bytesOf({ krl: Uint8Array.of(1), ack: [1, Number.MAX_SAFE_INTEGER] }),
    )
  })
  it('is plain CBOR for another reader', () => {
    const read: unknown = new Decoder({ mapsAsObjects: true }).decode(
      encodeUpdateAnswer({ krl: Uint8Array.of(7), ack: { epoch: 0, counter: 3 } }),
    )
    expect(read).toEqual({ krl: Buffer.of(7), ack: [0, 3] })
  })
  it.each([
    ['an unknown member', { surprise: 1 }, { field: 'surprise', why: 'unknown member' }],
    ['an empty document', { krl: new Uint8Array(0) }, { field: 'krl', why: 'not 1 to 1048576 bytes' }],
    ['a document that is no bytes', { assignment: 'x' }, { field: 'assignment', why: 'not 1 to 65536 bytes' }],
    ['an envelope too large', { envelope: new Uint8Array(65_537) }, { field: 'envelope', why: 'not 1 to 65536 bytes' }],
    [
      'too many roots',
      { roots: Array.from({ length: 33 }, () => Uint8Array.of(1)) },
      { field: 'roots', why: 'more than 32 items' },
    ],
    ['another scheme', { payloadUrls: ['file:///etc/'] }, { field: 'payloadUrls', why: 'not a base that ends in "/"' }],
    [
      'a path that names a host',
      { payloadUrls: ['//evil.example/'] },
      { field: 'payloadUrls', why: 'not a base that ends in "/"' },
    ],
    [
      'a base without its slash',
      { payloadUrls: ['/device/v1'] },
      { field: 'payloadUrls', why: 'not a base that ends in "/"' },
    ],
    ['a negative counter', { ack: [0, -1] }, { field: 'ack', why: 'not an unsigned integer' }],
  ])('with %s is refused', (_, members, detail) => {
    expect(() => parseUpdateAnswer(bytesOf(members))).toThrow(
      refusal('DOCUMENT_MALFORMED', { document: 'update answer', ...detail }),
    )
  })
  it('larger than its bound is refused before it is read', () => {
    const size = 4 * 1024 * 1024 + 1
    expect(() => parseUpdateAnswer(new Uint8Array(size))).toThrow(
      refusal('DOCUMENT_TOO_LARGE', { document: 'update answer', sizeBytes: size, limitBytes: 4 * 1024 * 1024 }),
    )
  })
  it.each<[string, { readonly credential?: string; readonly url?: string }, object]>([
    ['a line break in its credential', { credential: 'one\ntwo' }, { field: 'credential', why: 'not visible ASCII' }],
    ['a credential of other letters', { credential: 'ключ' }, { field: 'credential', why: 'not visible ASCII' }],
    ['a broker that is no address', { url: 'nonsense' }, { field: 'url', why: 'not the address of a broker' }],
    ['a broker without a host', { url: 'mqtt://[::' }, { field: 'url', why: 'not the address of a broker' }],
    ['a broker by another scheme', { url: 'http://broker/' }, { field: 'url', why: 'not the address of a broker' }],
  ])('of an enrolment with %s is refused', (_, { credential = 'secret', url = 'mqtt://broker:1883' }, detail) => {
    const answer = { deviceId, credential, mqtt: { url, username: 'u', password: 'p' } }
    expect(() => parseEnrolAnswer(encodeEnrolAnswer(answer))).toThrow(
      refusal('DOCUMENT_MALFORMED', { document: 'enrol answer', ...detail }),
    )
  })
  it('of any bytes at all is an answer or a refusal', () => {
    const readers = [
      parseUpdateAnswer,
      parseReportAnswer,
      parseEnrolAnswer,
      parseOfferMessage,
      parseTrustMessage,
      parsePresenceMessage,
    ]
    const changed = fc.tuple(answers, fc.nat(), fc.nat(255)).map(([answer, at, value]) => {
      const bytes = encodeUpdateAnswer(answer)
      bytes[at % bytes.length] = value
      return bytes
    })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), changed), (bytes) => {
        for (const read of readers) {
          try {
            read(bytes)
          } catch (error) {
            expect(error).toBeInstanceOf(Refusal)
          }
        }
      }),
    )
  })
})

describe('the other messages', () => {
  it('are read back as they were written', () => {
    const enrolled = {
      deviceId,
      credential: 'csd_x',
      mqtt: { url: 'mqtt://127.0.0.1:1', username: deviceUsername('gateway/prod', deviceId), password: 'p' },
    }
    const offer = {
      assignment: Uint8Array.of(1),
      manifestSha256: new Uint8Array(32),
      imageSizeBytes: 2 ** 40,
      jitterSeconds: 5,
    }
    const trust = { rootVersion: 1, krlNumber: 2, krlSha256: new Uint8Array(32), freshness: Uint8Array.of(9) }
    const presence = { isOnline: false, connection: 4, rootVersion: 1, krlNumber: 2 }
    expect(parseEnrolAnswer(encodeEnrolAnswer(enrolled))).toEqual(enrolled)
    expect(parseReportAnswer(encodeReportAnswer({ epoch: 2, counter: 2 ** 33 }))).toEqual({
      epoch: 2,
      counter: 2 ** 33,
    })
    expect(parseOfferMessage(encodeOfferMessage(offer))).toEqual(offer)
    expect(parseTrustMessage(encodeTrustMessage(trust))).toEqual(trust)
    expect(parsePresenceMessage(encodePresenceMessage(presence))).toEqual(presence)
  })
  it('of a digest of another length are refused', () => {
    const members = {
      assignment: Uint8Array.of(1),
      manifestSha256: new Uint8Array(31),
      imageSizeBytes: 1,
      jitterSeconds: 0,
    }
    expect(() => parseOfferMessage(encodeOfferMessage(members))).toThrow(
      refusal('DOCUMENT_MALFORMED', { document: 'offer', field: 'manifestSha256', why: 'not 32 bytes' }),
    )
  })
})

describe('topics', () => {
  it('name the namespace in two levels', () => {
    expect(trustTopic('gateway/prod')).toBe('cs/v1/gateway/prod/trust')
    expect(krlTopic('gateway/prod')).toBe('cs/v1/gateway/prod/krl')
    expect(deviceTopic('gateway/prod', deviceId, 'offer')).toBe(`cs/v1/gateway/prod/d/${deviceId}/offer`)
  })
  it('are read as whose they are', () => {
    expect(findDeviceTopic(deviceTopic('gateway/prod', deviceId, 'report'))).toEqual({
      namespace: 'gateway/prod',
      deviceId,
      channel: 'report',
    })
  })
  it.each([
    'gateway',
    'gateway/prod/x',
    '+/prod',
    'gateway/#',
    'gateway/',
    '/prod',
    'Gateway/prod',
    'gateway/prod\n',
    '$share/x',
  ])('are not made of the namespace %j', (namespace) => {
    const detail = { field: 'namespace', why: 'not product/environment' }
    expect(() => trustTopic(namespace)).toThrow(refusal('REQUEST_INVALID', detail))
    expect(() => deviceTopic(namespace, deviceId, 'offer')).toThrow(refusal('REQUEST_INVALID', detail))
  })
  it.each(['', '+', '#', deviceId.toUpperCase(), `${deviceId}/x`, `${deviceId}\n`])(
    'are not made of the device id %j',
    (id) => {
      expect(() => deviceTopic('gateway/prod', id, 'offer')).toThrow(
        refusal('REQUEST_INVALID', { field: 'deviceId', why: 'not 64 lower-case hex digits' }),
      )
    },
  )
  it.each([
    `cs/v1/gateway/prod/d/${deviceId}`,
    `cs/v1/gateway/prod/d/${deviceId}/report/x`,
    `cs/v1/gateway/d/${deviceId}/report`,
    `cs/v1/gateway/prod/d/${deviceId}/trust`,
    `/cs/v1/gateway/prod/d/${deviceId}/report`,
    `cs/v1/Gateway/prod/d/${deviceId}/report`,
    `cs/v1/gateway/prod/d/${deviceId}/report\n`,
  ])('like %j belong to nobody', (topic) => {
    expect(findDeviceTopic(topic)).toBeNull()
  })
})

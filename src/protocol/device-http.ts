import { MAX_ENVELOPE_BYTES } from '../domain/suit/envelope.js'
import { MAX_DOCUMENT_BYTES, MAX_KRL_BYTES } from '../domain/trust/labels.js'
import { Fields } from '../domain/trust/fields.js'
import { asBlob, readArray, readBlob } from './wire-fields.js'
import { encodeWireMap, openWireMap } from './wire-cbor.js'

export const CBOR_MEDIA_TYPE = 'application/cbor'
/** `Authorization: Claim <token>` at enrolment, `Authorization: Device <credential>` afterwards. */
export const CLAIM_SCHEME = 'Claim'
export const DEVICE_SCHEME = 'Device'

/** Roots in one answer; a device that is further behind asks again with the root it then holds. */
export const MAX_ROOTS_IN_ANSWER = 32
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
const MAX_PAYLOAD_BASES = 8

/** Highest report of this device that the server has stored. */
export interface ReportAck {
  readonly epoch: number
  readonly counter: number
}

/**
 * The poll's answer: signed documents as they are, none of them believed for having come this way.
 * @see docs/formats/device-http.md
 */
export interface UpdateAnswer {
  /** Absent while the online signer cannot be reached: the device goes on with the statement it has. */
  readonly freshness?: Uint8Array
  readonly krl?: Uint8Array
  /** In order of version, from the one after what the device holds. */
  readonly roots?: readonly Uint8Array[]
  readonly assignment?: Uint8Array
  readonly envelope?: Uint8Array
  /** Against these the manifest's relative URI is resolved; a path or an absolute URL, ending in "/". */
  readonly payloadUrls?: readonly string[]
  readonly ack?: ReportAck
  /** Absent: at once, without asking anybody. `soft`: a person may be asked. `download-only`: stored and not installed. */
  readonly mode?: 'soft' | 'download-only'
  /** Absent: at any time. Seconds since the epoch; 0 for a beginning or an end that does not matter now. */
  readonly installWindow?: InstallWindow
  /** When to ask again, unless something else has the device ask before. Absent: as often as it likes. */
  readonly pollSeconds?: number
}

/** When the device may switch to what it downloaded, from ≤ t < to. Only a wish of people: nothing on it is signed. */
export interface InstallWindow {
  readonly from: number
  readonly to: number
}

const ackToWire = (ack: ReportAck | undefined): readonly number[] | undefined => ack && [ack.epoch, ack.counter]

export const encodeUpdateAnswer = (answer: UpdateAnswer): Uint8Array =>
  encodeWireMap({
    ...answer,
    ack: ackToWire(answer.ack),
    installWindow: answer.installWindow && [answer.installWindow.from, answer.installWindow.to],
  })

/** @throws Refusal `DOCUMENT_TOO_LARGE`, `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parseUpdateAnswer(bytes: Uint8Array): UpdateAnswer {
  const fields = openWireMap('update answer', bytes, MAX_ANSWER_BYTES)
  const document = readBlob(fields, MAX_DOCUMENT_BYTES)
  const answer: UpdateAnswer = {
    ...(fields.has('freshness') ? { freshness: document('freshness') } : {}),
    ...(fields.has('krl') ? { krl: readBlob(fields, MAX_KRL_BYTES)('krl') } : {}),
    ...(fields.has('roots') ? { roots: readRoots(fields) } : {}),
    ...(fields.has('assignment') ? { assignment: document('assignment') } : {}),
    ...(fields.has('envelope') ? { envelope: readBlob(fields, MAX_ENVELOPE_BYTES)('envelope') } : {}),
    ...(fields.has('payloadUrls') ? { payloadUrls: readPayloadUrls(fields) } : {}),
    ...(fields.has('ack') ? { ack: readAck(fields) } : {}),
    ...(fields.has('mode') ? { mode: readMode(fields) } : {}),
    ...(fields.has('installWindow') ? { installWindow: readInstallWindow(fields) } : {}),
    ...(fields.has('pollSeconds') ? { pollSeconds: fields.uint('pollSeconds') } : {}),
  }
  fields.finish()
  return answer
}

function readMode(fields: Fields): 'soft' | 'download-only' {
  const mode = fields.text('mode', 16)
  if (mode !== 'soft' && mode !== 'download-only') throw fields.refusal('mode', 'unknown mode')
  return mode
}

function readInstallWindow(fields: Fields): InstallWindow {
  const [from, to] = fields.asArray('installWindow', fields.value('installWindow'), 2)
  return { from: fields.asUint('installWindow', from), to: fields.asUint('installWindow', to) }
}

const readRoots = (fields: Fields): readonly Uint8Array[] =>
  readArray(fields, 'roots', MAX_ROOTS_IN_ANSWER, (value) => asBlob(fields, 'roots', value, MAX_DOCUMENT_BYTES))

const readPayloadUrls = (fields: Fields): readonly string[] =>
  readArray(fields, 'payloadUrls', MAX_PAYLOAD_BASES, (value) => {
    const base = fields.asText('payloadUrls', value, 1024)
    if (!/^(https?:\/\/[^/]|\/(?!\/))/.test(base) || !base.endsWith('/'))
      throw fields.refusal('payloadUrls', 'not a base that ends in "/"')
    return base
  })

function readAck(fields: Fields): ReportAck {
  const [epoch, counter] = fields.asArray('ack', fields.value('ack'), 2)
  return { epoch: fields.asUint('ack', epoch), counter: fields.asUint('ack', counter) }
}

/** What the report call answers. */
export const encodeReportAnswer = (ack: ReportAck): Uint8Array => encodeWireMap({ ack: ackToWire(ack) })

export function parseReportAnswer(bytes: Uint8Array): ReportAck {
  const fields = openWireMap('report answer', bytes, 1024)
  const ack = readAck(fields)
  fields.finish()
  return ack
}

/** For one document of the device that has to be new: a counter epoch, or a change of its key. */
export interface NonceAnswer {
  /** 32 bytes, good once and for some minutes. */
  readonly nonce: Uint8Array
  /** The counter epoch that the device may begin with it. */
  readonly epoch: number
}

export const encodeNonceAnswer = (answer: NonceAnswer): Uint8Array => encodeWireMap({ ...answer })

/** @throws Refusal `DOCUMENT_TOO_LARGE`, `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parseNonceAnswer(bytes: Uint8Array): NonceAnswer {
  const fields = openWireMap('nonce answer', bytes, 1024)
  const answer = { nonce: fields.bytes('nonce', 32), epoch: fields.uint('epoch') }
  fields.finish()
  return answer
}

/** X.509 in DER: the device's certificate and its issuer's. */
export interface CertificateAnswer {
  readonly certificate: Uint8Array
  readonly authority: Uint8Array
  /** Where a broker takes devices by their certificates; not there where none does. */
  readonly mqttUrl?: string
}

export const encodeCertificateAnswer = (answer: CertificateAnswer): Uint8Array => encodeWireMap({ ...answer })

/** @throws Refusal `DOCUMENT_TOO_LARGE`, `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parseCertificateAnswer(bytes: Uint8Array): CertificateAnswer {
  const fields = openWireMap('certificate answer', bytes, 8_192)
  const document = readBlob(fields, 2_048)
  const answer = {
    certificate: document('certificate'),
    authority: document('authority'),
    ...(fields.has('mqttUrl') ? { mqttUrl: readBrokerUrl(fields, 'mqttUrl') } : {}),
  }
  fields.finish()
  return answer
}

/** What an enrolled device gets: its name and two secrets. No anchors: those came with its firmware. */
export interface EnrolAnswer {
  readonly deviceId: string
  /** For `Authorization: Device`. */
  readonly credential: string
  readonly mqtt: { readonly url: string; readonly username: string; readonly password: string }
}

export const encodeEnrolAnswer = (answer: EnrolAnswer): Uint8Array =>
  encodeWireMap({ ...answer, mqtt: { ...answer.mqtt } })

/** It goes into a header at every call from then on. */
function readHeaderWord(fields: Fields, name: string): string {
  const word = fields.text(name, 256)
  if (!/^[\x21-\x7e]+$/.test(word)) throw fields.refusal(name, 'not visible ASCII')
  return word
}

/** Empty where there is no broker. */
function readBrokerUrl(fields: Fields, name: string): string {
  const url = fields.text(name, 1_024)
  if (url !== '' && !(URL.canParse(url) && /^mqtts?:\/\//.test(url)))
    throw fields.refusal(name, 'not the address of a broker')
  return url
}

/** @throws Refusal `DOCUMENT_TOO_LARGE`, `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parseEnrolAnswer(bytes: Uint8Array): EnrolAnswer {
  const fields = openWireMap('enrol answer', bytes, 4096)
  const mqtt = new Fields('enrol answer', fields.entries('mqtt'))
  const answer = {
    deviceId: fields.text('deviceId', 64),
    credential: readHeaderWord(fields, 'credential'),
    mqtt: {
      url: readBrokerUrl(mqtt, 'url'),
      username: mqtt.text('username', 256),
      password: mqtt.text('password', 256),
    },
  }
  mqtt.finish()
  fields.finish()
  return answer
}

import { parseProtected } from '../../src/domain/cose/headers.js'
import { parseSign } from '../../src/domain/cose/sign.js'
import { parseSign1 } from '../../src/domain/cose/sign1.js'
import { decodeRecord } from '../../src/domain/journal/journal-record.js'
import { parseEnvelope } from '../../src/domain/suit/envelope.js'
import { inspectEnvelope } from '../../src/domain/suit/inspect.js'
import { decodeTrustState } from '../../src/domain/trust/trust-state.js'
import {
  parseCertificateAnswer,
  parseEnrolAnswer,
  parseNonceAnswer,
  parseReportAnswer,
  parseUpdateAnswer,
} from '../../src/protocol/device-http.js'
import { parseOfferMessage, parsePresenceMessage, parseTrustMessage } from '../../src/protocol/mqtt-payloads.js'
import { decodeAnswerBody, decodeRequestBody } from '../../src/protocol/signer-socket.js'
import { documentTable } from './document-table.js'

/** Something that reads bytes from outside. */
export interface Reader {
  readonly name: string
  readonly read: (bytes: Uint8Array) => unknown
}

/** Everything that reads CBOR which an attacker may have written. */
export const readers: readonly Reader[] = [
  ...documentTable.map(({ name, parse }) => ({ name, read: parse })),
  { name: 'COSE_Sign1', read: (bytes) => parseSign1(bytes, 65_536) },
  { name: 'COSE_Sign', read: (bytes) => parseSign(bytes, 65_536) },
  { name: 'protected header', read: parseProtected },
  { name: 'envelope', read: parseEnvelope },
  { name: 'envelope, inspected', read: (bytes) => inspectEnvelope(bytes, null) },
  { name: 'trust state', read: decodeTrustState },
  { name: 'journal record', read: (bytes) => decodeRecord(bytes, 0) },
  { name: 'update answer', read: parseUpdateAnswer },
  { name: 'certificate answer', read: parseCertificateAnswer },
  { name: 'enrol answer', read: parseEnrolAnswer },
  { name: 'report answer', read: parseReportAnswer },
  { name: 'nonce answer', read: parseNonceAnswer },
  { name: 'offer', read: parseOfferMessage },
  { name: 'trust message', read: parseTrustMessage },
  { name: 'presence', read: parsePresenceMessage },
  { name: 'signer request', read: decodeRequestBody },
  { name: 'signer answer', read: decodeAnswerBody },
]

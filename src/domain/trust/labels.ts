import { utf8 } from '../bytes.js'

/** Documents of ours that carry a signature. A label in external_aad keeps a signature of one kind from passing as another. */
export const documentKinds = [
  'root',
  'policy',
  'krl',
  'freshness',
  'assignment',
  'submission',
  'approval',
  'report',
  'enrolment',
  'counter-epoch',
  'key-change',
  'certificate-request',
] as const
export type DocumentKind = (typeof documentKinds)[number]

const labels = new Map<DocumentKind, Uint8Array>()

/** `external_aad` of a document: the text `countersign/<kind>/v1` in UTF-8. */
export function labelOf(kind: DocumentKind): Uint8Array {
  const label = labels.get(kind) ?? utf8(`countersign/${kind}/v1`)
  labels.set(kind, label)
  return label
}

/** Bounds on the signed bytes as they arrive. */
export const MAX_DOCUMENT_BYTES = 65_536
export const MAX_KRL_BYTES = 1_048_576
/** CBOR items in a KRL, and in what a device keeps of all of them. */
export const MAX_KRL_ITEMS = 131_072

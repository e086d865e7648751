import type { Shape } from '../support/annotate-cbor.js'

/** Names for members 1, 2, 3 … in that order. */
const numbered = (...names: (string | Shape)[]): Shape => ({
  members: Object.fromEntries(names.map((name, index) => [index + 1, typeof name === 'string' ? { name } : name])),
})
const list = (name: string, ...items: string[]): Shape => ({ name, items: items.map((each) => ({ name: each })) })
const rows = (name: string, ...items: string[]): Shape => ({ name, each: list('', ...items) })

const header: Shape = { members: { 1: { name: 'alg' }, 4: { name: 'keyid' } } }
const protectedHeader: Shape = { name: 'protected header', embeds: header }

/** A document of ours around its payload: one signature, or several. */
export const sign1 = (payload: Shape): Shape => ({
  items: [protectedHeader, { name: 'unprotected header' }, { name: 'payload', embeds: payload }, { name: 'signature' }],
})
export const sign = (payload: Shape): Shape => ({
  items: [
    { name: 'body header' },
    { name: 'unprotected header' },
    { name: 'payload', embeds: payload },
    { name: 'signatures', each: { items: [protectedHeader, { name: 'unprotected header' }, { name: 'signature' }] } },
  ],
})

const version = 'format'
const namespace = 'namespace'
const coseKey: Shape = {
  name: 'COSE_Key',
  members: { 1: { name: 'kty' }, '-1': { name: 'crv' }, '-2': { name: 'x' }, '-3': { name: 'y' } },
}

/** What the members of each payload are called. */
export const shapes = {
  root: numbered(
    version,
    namespace,
    'version',
    'issued',
    'expires',
    { name: 'keys', each: { items: [coseKey, { name: 'alg' }, { name: 'not before' }, { name: 'not after' }] } },
    { name: 'roles', each: { items: [{ name: 'threshold' }, { name: 'key ids' }] } },
    'epoch',
    'floors',
    'least KRL number',
    'algorithms',
    'longest KRL life',
  ),
  policy: numbered(
    version,
    namespace,
    'version',
    'issued',
    'expires',
    { name: 'persons', each: { items: [{ name: 'keys', each: coseKey }, { name: 'roles' }, { name: 'not after' }] } },
    { name: 'quorums' },
    { name: 'limits', members: { windows: rows('', 'days', 'from second', 'to second') } },
    { name: 'products', items: [{ name: 'vendor id' }, { name: 'classes' }] },
  ),
  krl: numbered(
    version,
    namespace,
    'number',
    'issued',
    'next update',
    'hard expiry',
    'least root version',
    'epoch',
    rows('revoked keys', 'keyid', 'reason', 'time'),
    rows('revoked manifests', 'digest', 'reason'),
    'floors',
    'SHA-256 of the KRL before',
  ),
  freshness: numbered(
    ...[version, namespace, 'time', 'expires', 'KRL number', 'SHA-256 of that KRL', 'root version', 'nonce'],
  ),
  assignment: numbered(
    ...[version, namespace, 'device id', 'rollout id', 'manifest digest', 'sequence', 'least KRL number'],
    ...['not before', 'expires'],
  ),
  submission: numbered(
    ...[version, namespace, 'image SHA-256', 'image size', 'version', 'class id', 'request id', 'time'],
  ),
  approval: numbered(
    ...[version, namespace, 'operation', 'subject', 'request id', 'not before', 'expires', 'policy version', 'role'],
    ...['change record', 'image SHA-256', 'image size', 'sequence', 'class id', 'version'],
  ),
  rolloutPlan: numbered(
    ...[version, namespace, 'rollout id', 'manifest digests', 'devices per hour', 'devices in total'],
    ...['not before', 'expires'],
  ),
  report: numbered(
    version,
    namespace,
    'device id',
    list('counter', 'epoch', 'n'),
    ...['time', 'running manifest', 'running sequence', 'running image', 'root version', 'KRL number', 'state'],
    ...['reason', 'rollout id'],
  ),
  resume: numbered(version, namespace, 'process', 'suspension', 'sequences', 'least KRL number'),
  clockReset: numbered(version, namespace, 'process', 'last time seen', 'not before', 'expires'),
  enrolment: numbered(version, namespace, coseKey, 'class id', 'time'),
  certificateRequest: numbered(
    version,
    namespace,
    'device id',
    { ...coseKey, name: 'device key' },
    { ...coseKey, name: 'TLS key' },
    'time',
  ),
  counterEpoch: numbered(version, namespace, 'device id', 'nonce', 'epoch'),
  keyChange: numbered(version, namespace, 'device id', 'nonce', coseKey),
}

const digest: Shape = { items: [{ name: 'algorithm' }, { name: 'hash' }] }
const commands: Shape = { name: 'commands' }
const shared: Shape = { items: [commands, { members: { 3: { name: 'image digest', embeds: digest } } }] }

export const envelopeShape: Shape = {
  members: {
    2: {
      name: 'authentication wrapper',
      embeds: {
        items: [
          { name: 'digest', embeds: digest },
          {
            name: 'block',
            embeds: {
              items: [protectedHeader, { name: 'unprotected header' }, { name: 'payload' }, { name: 'signature' }],
            },
          },
        ],
      },
    },
    3: {
      name: 'manifest',
      embeds: {
        members: {
          1: { name: 'manifest version' },
          2: { name: 'sequence number' },
          3: {
            name: 'common',
            embeds: { members: { 2: { name: 'components' }, 4: { name: 'shared sequence', embeds: shared } } },
          },
          6: { name: 'set version', embeds: {} },
          7: { name: 'validate', embeds: {} },
          9: { name: 'invoke', embeds: {} },
          20: { name: 'install', embeds: {} },
          23: { name: 'text', ...digest },
        },
      },
    },
    23: { name: 'text', embeds: { members: { en: { members: { 1: { name: 'description' } } } } } },
  },
}

export const journalRecord: Shape = {
  name: 'record',
  embeds: numbered(version, namespace, 'index', 'SHA-256 of the record before', 'time', 'kind', 'body'),
}

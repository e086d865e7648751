import { sha256, toHex, utf8 } from '../../src/domain/bytes.js'
import { ED25519 } from '../../src/domain/cose/algorithms.js'
import { classIdOf, vendorIdOf } from '../../src/domain/suit/identifiers.js'
import type { Krl } from '../../src/domain/trust/krl.js'
import type { Policy } from '../../src/domain/trust/policy.js'
import type { KeyRole } from '../../src/domain/trust/roles.js'
import type { Root, RootRole } from '../../src/domain/trust/root.js'
import { rootKeyOf } from '../support/trust-fixture.js'
import { exampleKey } from './example-keys.js'

/** 2027-01-15 08:00:00 UTC: the "now" of every example. */
export const NOW = 1_800_000_000
const DAY = 86_400
export const NAMESPACE = 'gateway/prod'
export const VENDOR_ID = vendorIdOf('vendor.example')
export const CLASS_ID = classIdOf(VENDOR_ID, 'gateway', 'rev-b', 'prod')
export const IMAGE = utf8('firmware 1.4.0')

export const keys = {
  root1: exampleKey('root-1'),
  root2: exampleKey('root-2'),
  policy: exampleKey('policy-1'),
  manifest: exampleKey('manifest-a'),
  krl: exampleKey('krl'),
  assignment: exampleKey('assignment'),
  freshness: exampleKey('freshness'),
  engineer: exampleKey('engineer-1'),
  manager: exampleKey('manager-1'),
  device: exampleKey('device-1'),
}

const holders: readonly (readonly [KeyRole, number, readonly (keyof typeof keys)[]])[] = [
  ['root', 2, ['root1', 'root2']],
  ['policy', 1, ['policy']],
  ['manifest-a', 1, ['manifest']],
  ['krl', 1, ['krl']],
  ['assignment', 1, ['assignment']],
  ['freshness', 1, ['freshness']],
]

export const root: Root = {
  namespace: NAMESPACE,
  version: 1,
  issued: NOW - DAY,
  expires: NOW + 390 * DAY,
  keys: new Map(
    holders.flatMap(([, , names]) => names.map((name) => [keys[name].keyIdHex, rootKeyOf(keys[name], NOW)])),
  ),
  roles: new Map(
    holders.map(([role, threshold, names]): [KeyRole, RootRole] => [
      role,
      { threshold, keyIds: names.map((name) => keys[name].keyIdHex) },
    ]),
  ),
  epoch: 1,
  floors: new Map([[toHex(CLASS_ID), 1]]),
  leastKrlNumber: 1,
  algorithms: [ED25519],
  longestKrlLifeSeconds: 90 * DAY,
}

export const policy: Policy = {
  namespace: NAMESPACE,
  version: 1,
  issued: NOW - DAY,
  expires: NOW + 390 * DAY,
  persons: new Map([
    ['engineer-1', { name: 'engineer-1', keys: [keys.engineer.key], roles: ['engineer'], notAfter: NOW + 365 * DAY }],
    [
      'manager-1',
      { name: 'manager-1', keys: [keys.manager.key], roles: ['release-manager'], notAfter: NOW + 365 * DAY },
    ],
  ]),
  quorums: new Map([
    ['sign', '1 of release-manager'],
    ['krl', '2 of security'],
    ['rollout', '1 of fleet-manager'],
  ]),
  limits: {
    signaturesPerDay: 20,
    windows: [{ days: 31, fromSecond: 28_800, toSecond: 57_600 }],
    maxImageBytes: 268_435_456,
    approvalLifeSeconds: 7 * DAY,
    breakGlass: '2 of release-manager and 1 of security',
    devicesPerHour: 1_000,
    firmwareFormats: ['mcuboot', 'unknown'],
  },
  vendorId: VENDOR_ID,
  classes: new Map([[toHex(CLASS_ID), [[Uint8Array.of(0)]]]]),
}

export const krl: Krl = {
  namespace: NAMESPACE,
  number: 2,
  issued: NOW - 60,
  nextUpdate: NOW + 30 * DAY,
  hardExpiry: NOW + 89 * DAY,
  leastRootVersion: 1,
  epoch: 1,
  keys: [{ keyId: exampleKey('stolen').keyIdHex, reason: 1, time: NOW - 120 }],
  manifests: [{ digest: toHex(sha256(utf8('a withdrawn manifest'))), reason: 4 }],
  floors: new Map([[toHex(CLASS_ID), 3]]),
  previousSha256: sha256(utf8('the KRL before')),
}

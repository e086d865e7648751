import { Refusal } from '../domain/refusal.js'
import { isDeviceId } from '../domain/trust/assignment.js'
import { isNamespace } from '../domain/trust/fields.js'

/** What a device publishes or is sent on its own topics. */
export type DeviceChannel = 'offer' | 'report' | 'state'

const ROOT = 'cs/v1'
/**
 * Server instances share the reports among them; each report goes to one of them. A broker lets anybody into a group whose name they
 * know, and what is then their turn is lost, so that only servers may know it.
 */
export const sharedReports = (group: string): string => `$share/${group}/${ROOT}/+/+/d/+/report`

/** A topic is made of checked words only, so no name can add a level or a wildcard to it. */
function requireNamespace(namespace: string): string {
  if (!isNamespace(namespace))
    throw new Refusal('REQUEST_INVALID', { field: 'namespace', why: 'not product/environment' })
  return namespace
}

function requireDeviceId(deviceId: string): string {
  if (!isDeviceId(deviceId))
    throw new Refusal('REQUEST_INVALID', { field: 'deviceId', why: 'not 64 lower-case hex digits' })
  return deviceId
}

/** Retained: newest root version, KRL number and hash, freshness statement. */
export const trustTopic = (namespace: string): string => `${ROOT}/${requireNamespace(namespace)}/trust`

/** Retained: the KRL as it was signed. */
export const krlTopic = (namespace: string): string => `${ROOT}/${requireNamespace(namespace)}/krl`

/** A device's name at the broker; its access rules are made from it. */
export const deviceUsername = (namespace: string, deviceId: string): string =>
  `${requireNamespace(namespace)}/d/${requireDeviceId(deviceId)}`

export const deviceTopic = (namespace: string, deviceId: string, channel: DeviceChannel): string =>
  `${ROOT}/${deviceUsername(namespace, deviceId)}/${channel}`

export interface DeviceTopic {
  readonly namespace: string
  readonly deviceId: string
  readonly channel: DeviceChannel
}

/** @returns whose topic it is, or null for anything that `deviceTopic` does not make. */
export function findDeviceTopic(topic: string): DeviceTopic | null {
  const match = /^cs\/v1\/([^/]+\/[^/]+)\/d\/([^/]+)\/(offer|report|state)$/.exec(topic)
  const [, namespace = '', deviceId = '', channel = ''] = match ?? []
  if (!isNamespace(namespace) || !isDeviceId(deviceId)) return null
  return { namespace, deviceId, channel: channel as DeviceChannel }
}

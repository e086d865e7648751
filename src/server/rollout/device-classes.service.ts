import { Injectable } from '@nestjs/common'
import { fromHex, toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { classNamesOf } from '../namespace-config.js'
import { ServerConfig } from '../server-config.js'

/** Which namespaces this server serves, and which classes of devices each has. */
@Injectable()
export class DeviceClasses {
  private readonly names: ReadonlyMap<string, ReadonlyMap<string, string>>

  constructor(config: ServerConfig) {
    this.names = new Map(config.namespaces.map((each) => [each.namespace, classNamesOf(each)]))
  }

  /** @throws Refusal `NOT_FOUND` for one that is not served here. */
  requireNamespace(product: string, environment: string): string {
    const namespace = `${product}/${environment}`
    if (this.names.has(namespace)) return namespace
    throw new Refusal('NOT_FOUND', { what: 'namespace', id: namespace.slice(0, 65) })
  }

  findName(namespace: string, classId: Uint8Array): string | null {
    return this.names.get(namespace)?.get(toHex(classId)) ?? null
  }

  /** @returns the class id, 16 bytes. */
  findId(namespace: string, className: string): Uint8Array | null {
    const found = [...(this.names.get(namespace) ?? [])].find(([, name]) => name === className)
    return found === undefined ? null : fromHex(found[0])
  }

  /** @throws Refusal `NOT_FOUND`. @returns the class id, 16 bytes. */
  requireId(namespace: string, className: string): Uint8Array {
    const found = this.findId(namespace, className)
    if (found === null) throw new Refusal('NOT_FOUND', { what: 'device class', id: className.slice(0, 64) })
    return found
  }
}

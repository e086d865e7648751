import { Injectable } from '@nestjs/common'
import { Refusal } from '../../domain/refusal.js'
import { ServerConfig } from '../server-config.js'
import { DdiSettings } from './ddi-settings.js'

export interface Tenant {
  readonly namespace: string
  readonly settings: DdiSettings
}

/** Which namespace a client means by the first part of its address: `product.env`, or the alias of a namespace. */
@Injectable()
export class Tenants {
  readonly all: readonly Tenant[]
  private readonly byName: ReadonlyMap<string, Tenant>
  private readonly byNamespace: ReadonlyMap<string, Tenant>

  constructor(config: ServerConfig) {
    this.all = config.namespaces.map(({ namespace, ddi }) => ({ namespace, settings: ddi ?? DdiSettings.parse({}) }))
    // An alias has no ".", a name of a namespace always has one.
    this.byName = new Map(
      this.all.flatMap((tenant): [string, Tenant][] => [
        [tenant.namespace.replace('/', '.'), tenant],
        ...(tenant.settings.alias === undefined ? [] : ([[tenant.settings.alias, tenant]] as [string, Tenant][])),
      ]),
    )
    this.byNamespace = new Map(this.all.map((tenant) => [tenant.namespace, tenant]))
  }

  find(name: string): Tenant | null {
    return this.byName.get(name) ?? null
  }

  /** @throws Refusal `NOT_FOUND` for a namespace that is not served here. */
  settingsOf(namespace: string): DdiSettings {
    const tenant = this.byNamespace.get(namespace)
    if (tenant === undefined) throw new Refusal('NOT_FOUND', { what: 'namespace', id: namespace.slice(0, 65) })
    return tenant.settings
  }
}

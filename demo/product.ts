import { classIdOf, vendorIdOf } from '../src/domain/suit/identifiers.js'

/** The product of the story: a gateway, and a second class of device that its firmware is not for. */
export interface Product {
  readonly namespace: string
  readonly vendorDomain: string
  readonly classes: readonly {
    readonly name: string
    readonly model: string
    readonly hardwareRevision: string
    readonly environment: string
  }[]
}

export const product: Product = {
  namespace: 'gateway/prod',
  vendorDomain: 'vendor.example',
  classes: [
    { name: 'gateway-b', model: 'gateway', hardwareRevision: 'rev-b', environment: 'prod' },
    { name: 'sensor-a', model: 'sensor', hardwareRevision: 'rev-a', environment: 'prod' },
  ],
}

export const vendorId = vendorIdOf(product.vendorDomain)

/** @param name of one of the product's classes. @returns 16 bytes. */
export function classIdNamed(name: string): Uint8Array {
  const found = product.classes.find((each) => each.name === name)
  if (found === undefined) throw new Error(`no class ${name}`)
  return classIdOf(vendorId, found.model, found.hardwareRevision, found.environment)
}

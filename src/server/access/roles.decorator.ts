import { SetMetadata } from '@nestjs/common'
import { ApiBearerAuth } from '@nestjs/swagger'

/** What a token lets its holder ask for. What is signed is another matter: there the policy names persons. */
export const apiRoles = ['engineer', 'approver', 'fleet-manager', 'security-officer', 'auditor', 'ci'] as const
export type ApiRole = (typeof apiRoles)[number]
/** Every role that belongs to a person who looks, or to the auditor. */
export const readers: readonly ApiRole[] = ['engineer', 'approver', 'fleet-manager', 'security-officer', 'auditor']

export const ROLES_KEY = 'countersign:roles'
export const NO_TOKEN = 'none'

/** Lets in tokens that have at least one of these roles. A call without a mark lets nobody in. */
export const Roles = (...roles: readonly ApiRole[]): MethodDecorator & ClassDecorator => {
  const mark = SetMetadata(ROLES_KEY, roles)
  const describe = ApiBearerAuth()
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    if (key === undefined || descriptor === undefined) {
      mark(target as new () => unknown)
      describe(target as new () => unknown)
      return
    }
    mark(target, key, descriptor)
    describe(target, key, descriptor)
  }
}

/** For calls that need no token of a person: health, documents that are public, and devices, who have their own check. */
export const NoToken = (): MethodDecorator & ClassDecorator => SetMetadata(ROLES_KEY, NO_TOKEN)

import { Injectable } from '@nestjs/common'
import { Refusal } from '../../domain/refusal.js'
import { compileFilter } from '../../domain/targeting/compile-filter.js'
import { parseFilter } from '../../domain/targeting/parse-filter.js'
import { DeviceClasses } from './device-classes.service.js'
import type { SqlParameters } from './sql-parameters.js'

/** Filters of rollouts and of their stages. */
@Injectable()
export class RolloutFilters {
  constructor(private readonly classes: DeviceClasses) {}

  /** @param field of the request. @throws Refusal `FILTER_INVALID` with the column, `NOT_FOUND` for a class that nobody makes. */
  require(namespace: string, field: string, text: string): void {
    try {
      parseFilter(text, { isClass: (name) => this.classes.findId(namespace, name) !== null })
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'FILTER_INVALID') throw error
      throw new Refusal('FILTER_INVALID', { ...error.detail, field }, { cause: error })
    }
  }

  /** A condition on `device d`. It was judged when the rollout was made; a class that is gone since then fits no device. */
  conditionOf(namespace: string, text: string, parameters: SqlParameters): string {
    const filter = parseFilter(text, { isClass: () => true })
    const findClassId = (name: string): Uint8Array | null => this.classes.findId(namespace, name)
    return parameters.adopt((before) => compileFilter(filter, { alias: 'd', parameters: before, findClassId }))
  }
}

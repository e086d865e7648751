import { type DynamicModule, Module } from '@nestjs/common'
import { Clock } from '../../domain/clock.js'
import { ServerClock } from './server-clock.port.js'
import { SystemClock } from './system-clock.js'

/** One clock for the whole process: `Clock` in seconds, `ServerClock` with milliseconds. */
@Module({})
export class ClockModule {
  static with(clock: ServerClock = new SystemClock()): DynamicModule {
    return {
      module: ClockModule,
      global: true,
      providers: [
        { provide: ServerClock, useValue: clock },
        { provide: Clock, useExisting: ServerClock },
      ],
      exports: [ServerClock, Clock],
    }
  }
}

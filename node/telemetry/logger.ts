/** The operator's log: JSON lines on standard output. */
import { pino, stdSerializers, type Logger } from 'pino'

/** Creates the logger; ids, numbers and codes only are ever handed to it. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { error: stdSerializers.err },
  })
}

type Environment = Record<string, string | undefined>;

const isBlank = (value: string | undefined) => value === undefined || value.trim() === '';

/** The variables that say something: one that is empty, or has nothing but blanks, is as one that is not set. */
export function withoutBlanks(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => !isBlank(value)));
}

/** The same for this process, before anything reads its environment, and for the processes that it starts. */
export function forgetBlanks(environment: Environment = process.env): void {
  for (const [name, value] of Object.entries(environment)) if (isBlank(value)) delete environment[name];
}

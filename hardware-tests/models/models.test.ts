import test from 'ava';
import { checkModel } from './check.js';

for (const name of ['device-lives'])
  test(`the rules of ${name} hold in every state, and without one of them a state breaks`, (t) =>
    checkModel(t, name));

export * from '../counterpoint.js';
